"""Which directory each inotify watch stands for; keeps watches in step with a changing tree.

No kept path is trusted after a directory moved: its watches are dropped and made anew, first the
watch, then the listing, so that nothing created in between is missed.
"""

from collections.abc import Iterable

from tflited.sources.inotify import Inotify
from tflited.sources.watch_limit import LIMIT_ERRORS, subdirectories


class WatchedTree:
    """The watches of one tree.

    Args:
        source: the inotify instance they belong to.
        root: absolute path of the tree.

    Attributes:
        unwatched: the top of every subtree that could not be watched, with the error number.
    """

    def __init__(self, source: Inotify, root: str) -> None:
        self._source = source
        self._root = root
        self._paths: dict[int, str] = {}
        self.unwatched: dict[str, int] = {}

    def path(self, watch: int) -> str | None:
        """The directory of a watch; None when it is not watched any more."""
        return self._paths.get(watch)

    def forget(self, watch: int) -> None:
        """The kernel has ended a watch."""
        self._paths.pop(watch, None)

    def add(self, top: str) -> set[int]:
        """Watches a directory and all below it; returns their watches."""
        self._clear(top)
        added: set[int] = set()
        pending = [top]
        while pending:
            directory = pending.pop()
            try:
                watch = self._source.watch(directory)
                self._paths[watch] = directory
                added.add(watch)
                pending.extend(subdirectories(directory))
            except OSError as error:
                if error.errno in LIMIT_ERRORS:
                    self.unwatched[directory] = error.errno
        return added

    def renew(self) -> bool:
        """Watches the whole tree, drops what lies in it no longer; false without its root."""
        stale = self._paths.keys() - self.add(self._root)
        for watch in stale:
            del self._paths[watch]
            self._source.unwatch(watch)
        return self._root in self._paths.values() or self._root in self.unwatched

    def retry(self) -> None:
        """Tries again what could not be watched."""
        for top in tuple(self.unwatched):
            self.add(top)

    def drop(self, tops: Iterable[str]) -> None:
        """Ends the watches at and below directories that moved away."""
        gone = set(tops)
        for top in gone:
            self._clear(top)
        for watch in [watch for watch, path in self._paths.items() if _is_below(path, gone)]:
            del self._paths[watch]
            self._source.unwatch(watch)

    def _clear(self, top: str) -> None:
        for path in [path for path in self.unwatched if _is_below(path, {top})]:
            del self.unwatched[path]


def _is_below(path: str, tops: set[str]) -> bool:
    while path and path not in tops:
        path = path.rpartition("/")[0]
    return bool(path)
