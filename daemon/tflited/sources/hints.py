"""Watches roots for hints: watchdog's Observer with an emitter of our own over raw inotify.

A hint says only where to look. The emitter says when it may have missed something (overflow, watch
limit, a root that went away) instead of going blind in silence, and trusts no kept path after a
directory was moved: it walks the parent again.
"""

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog
from watchdog.events import DirModifiedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import (
    BaseObserver,
    EventEmitter,
    EventQueue,
    ObservedWatch,
)

from tflited.sources import inotify
from tflited.sources.inotify import Event, Inotify

_READ_SECONDS: Final = 60.0
_LOG = structlog.get_logger()


class HintKind(StrEnum):
    """What a hint is worth."""

    CHANGED = "changed"
    """Something changed at a path."""
    OVERFLOW = "overflow"
    """The kernel's queue ran over: anything may have changed."""
    WATCH_LIMIT = "watch_limit"
    """A directory could not be watched: only scans see what changes below it."""
    LOST = "lost"
    """The root went away or was moved; its watch has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Where to look: a root's name and a path below it ("" for the whole root)."""

    root: str
    path: str
    kind: HintKind = HintKind.CHANGED


class _DoubtEvent(FileSystemEvent):
    """An event that says what may have been missed."""

    def __init__(self, path: str, kind: HintKind) -> None:
        super().__init__(path)
        self.event_type = kind.value


class HintEmitter(EventEmitter):
    """Reads one inotify instance for one root; runs in watchdog's thread of that root."""

    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        timeout: float = _READ_SECONDS,
        event_filter: list[type[FileSystemEvent]] | None = None,
    ) -> None:
        super().__init__(event_queue, watch, timeout=timeout, event_filter=event_filter)
        self.name = "watch"
        self._root = Path(os.fsdecode(watch.path))
        self._paths: dict[int, Path] = {}
        self._has_told_limit = False
        self._inotify: Inotify | None = None

    def on_thread_start(self) -> None:
        """Opens inotify and watches the tree."""
        self._inotify = Inotify()
        self._watch_tree(self._inotify, self._root)

    def on_thread_stop(self) -> None:
        """Ends a pending read; the reader itself frees the descriptors."""
        if self._inotify is not None:
            self._inotify.wake()

    def run(self) -> None:
        """Queues events until stopped, then frees what inotify held."""
        try:
            super().run()
        finally:
            if self._inotify is not None:
                self._inotify.close()

    def queue_events(self, timeout: float) -> None:
        """Turns what inotify has to say into hints."""
        if self._inotify is None:
            return
        for event in self._inotify.read(timeout):
            self._take(self._inotify, event)

    def _take(self, source: Inotify, event: Event) -> None:
        if event.mask & inotify.IN_Q_OVERFLOW:
            self._watch_tree(source, self._root)
            self._doubt(HintKind.OVERFLOW)
            return
        directory = self._paths.get(event.watch)
        if directory is None:
            return
        if event.mask & inotify.IN_IGNORED:
            del self._paths[event.watch]
        gone = inotify.IN_DELETE_SELF | inotify.IN_MOVE_SELF | inotify.IN_UNMOUNT
        if directory == self._root and event.mask & (gone | inotify.IN_IGNORED):
            self._doubt(HintKind.LOST)
            self.stop()
            return
        if event.mask & inotify.IN_ISDIR and event.name:
            self._follow(source, directory, event)
        path = directory / event.name if event.name else directory
        self.queue_event(DirModifiedEvent(str(path)))

    def _follow(self, source: Inotify, directory: Path, event: Event) -> None:
        """Keeps watches in step with a directory that came or went."""
        moved = directory / event.name
        if event.mask & inotify.IN_MOVED_FROM:
            for watch in [w for w, path in self._paths.items() if path.is_relative_to(moved)]:
                del self._paths[watch]
                source.unwatch(watch)
        if event.mask & (inotify.IN_CREATE | inotify.IN_MOVED_TO | inotify.IN_MOVED_FROM):
            self._watch_tree(source, directory)

    def _watch_tree(self, source: Inotify, top: Path) -> None:
        """Watches a directory and all below it.

        First the watch, then the listing, so that nothing created in between is missed.
        """
        pending = [top]
        while pending:
            directory = pending.pop()
            try:
                self._paths[source.watch(directory)] = directory
                pending.extend(_subdirectories(directory))
            except OSError as error:
                if error.errno in {errno.ENOSPC, errno.EMFILE, errno.ENFILE}:
                    self._tell_limit(directory)
                elif directory == self._root:
                    self._doubt(HintKind.LOST)
                    self.stop()

    def _tell_limit(self, directory: Path) -> None:
        if not self._has_told_limit:
            self._has_told_limit = True
            _LOG.error(
                "watch_limit_reached",
                path=str(directory),
                watched=len(self._paths),
                hint="raise fs.inotify.max_user_watches; until then changes are found by scans",
            )
            self._doubt(HintKind.WATCH_LIMIT)

    def _doubt(self, kind: HintKind) -> None:
        self.queue_event(_DoubtEvent(str(self._root), kind))


def _subdirectories(directory: Path) -> Iterable[Path]:
    try:
        with os.scandir(directory) as entries:
            return [
                directory / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return ()


class HintWatcher:
    """Watches any number of roots and passes their hints on from watchdog's thread.

    Args:
        receive: told every hint; must return at once.
    """

    def __init__(self, receive: Callable[[Hint], None]) -> None:
        self._receive = receive
        self._observer = BaseObserver(HintEmitter)
        self._observer.name = "hints"
        self._watches: dict[str, ObservedWatch] = {}

    def start(self) -> None:
        """Starts the thread that passes hints on."""
        self._observer.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends every thread, waiting at most so long."""
        if self._observer.ident is not None:
            self._observer.stop()
            self._observer.join(deadline_seconds)

    def ensure(self, root: str, path: Path) -> bool:
        """Watches a root unless it is watched already.

        Returns:
            Whether the watch is new, so that changes before it need a scan.
        """
        watch = self._watches.get(root)
        if watch is not None and self._is_alive(watch):
            return False
        self.forget(root)
        handler = _Forwarder(root, path, self._receive)
        try:
            self._watches[root] = self._observer.schedule(handler, str(path), recursive=True)
        except OSError as error:
            _LOG.warning("root_not_watched", root=root, path=str(path), reason=str(error))
            return False
        return True

    def forget(self, root: str) -> None:
        """Ends the watch of a root."""
        watch = self._watches.pop(root, None)
        if watch is not None:
            self._observer.unschedule(watch)

    def _is_alive(self, watch: ObservedWatch) -> bool:
        return any(
            emitter.watch == watch and emitter.is_alive() for emitter in self._observer.emitters
        )


class _Forwarder(FileSystemEventHandler):
    """Turns watchdog's events of one root into hints."""

    def __init__(self, root: str, path: Path, receive: Callable[[Hint], None]) -> None:
        self._root = root
        self._path = path
        self._receive = receive

    def dispatch(self, event: FileSystemEvent) -> None:
        """Receives one event from watchdog's dispatching thread."""
        below = os.path.relpath(os.fsdecode(event.src_path), self._path)
        path = "" if below == "." else below
        kind = HintKind(event.event_type) if isinstance(event, _DoubtEvent) else HintKind.CHANGED
        self._receive(Hint(root=self._root, path=path, kind=kind))
