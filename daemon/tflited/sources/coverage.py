"""Which parts of a root events cover; the others are polled, each with the reason said."""

from dataclasses import dataclass

import structlog

from tflited.domain.model import Scan
from tflited.sources.hints import HintWatcher
from tflited.sources.mounts import MountTable
from tflited.sources.root_state import MOST_SCOPES, RootState, ancestors
from tflited.sources.watch_limit import shortage

_LOG = structlog.get_logger()


@dataclass(slots=True)
class Coverage:
    """Keeps the watches of a root, and knows what they do not reach."""

    state: RootState
    hints: HintWatcher

    def renew(self) -> bool:
        """Watches what can be watched; returns whether that is new."""
        before = self.hints.unwatched()
        is_new = self.hints.ensure()
        return is_new or self.hints.unwatched().keys() != before.keys()

    def cover(self, scan: Scan) -> None:
        """Finds what must be polled after a look at the whole root."""
        root = self.state.root
        table = MountTable.read()
        polled = {
            mount: f"{kind}: other machines' writes raise no events here"
            for mount in scan.mounts
            if (kind := table.remote_kind(root.path / mount))
        }
        for path in scan.linked:
            polled.setdefault(path, "it lies behind a symbolic link")
        self._watched(polled)
        for mount in self.state.blind:
            polled[mount] = "it changed without an event"
        self.state.polled = _folded(polled)

    def limit(self) -> None:
        """More cannot be watched than at the last look; it is polled from now on."""
        polled = dict(self.state.polled)
        self._watched(polled)
        self.state.polled = _folded(polled)

    def missed(self, paths: list[str]) -> None:
        """Events are not trusted any more on the mounts of these models."""
        root = self.state.root.name
        self.state.missed += len(paths)
        for mount in {self.state.mount_of(path) for path in paths} - self.state.blind:
            self.state.blind.add(mount)
            first = next(path for path in paths if self.state.mount_of(path) == mount)
            place = str(self.state.root.path / mount)
            _LOG.warning("events_missed", root=root, place=place, model=first, count=len(paths))

    def _watched(self, polled: dict[str, str]) -> None:
        root = self.state.root
        unwatched = self.hints.unwatched()
        before = self.state.unwatched
        if not unwatched:
            self.state.unwatched = 0
            if before:
                _LOG.info("watch_limit_cleared", root=root.name)
            return
        short = shortage(root.path, unwatched)
        self.state.unwatched = short.directories
        for path in unwatched:
            polled.setdefault(path, f"not watched: {short.hint}")
        if not before:
            _LOG.error(
                "watch_limit_reached",
                root=root.name,
                directories=short.directories,
                sysctl=short.sysctl,
                allowed=short.allowed,
                needed=short.needed,
                hint=short.hint,
            )


def _folded(polled: dict[str, str]) -> dict[str, str]:
    """Leaves out what lies below another; very many parts are polled as the whole."""
    found = {
        path: reason
        for path, reason in polled.items()
        if not any(above in polled for above in ancestors(path) if above != path)
    }
    if len(found) > MOST_SCOPES:
        return {"": f"{len(found)} parts; the first: {min(found)}: {found[min(found)]}"}
    return found
