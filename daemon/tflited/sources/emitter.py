"""watchdog's emitter over raw inotify: turns kernel events of one root into places to look at.

It says when it may have missed something (overflow, watch limit, a root that went away) instead of
going blind in silence.
"""

import os
from enum import StrEnum
from threading import Lock
from typing import Final

from watchdog.events import DirModifiedEvent, FileSystemEvent
from watchdog.observers.api import (
    DEFAULT_EMITTER_TIMEOUT,
    EventEmitter,
    EventQueue,
    ObservedWatch,
)

from tflited.sources import inotify
from tflited.sources.inotify import Event, Inotify
from tflited.sources.watched_tree import WatchedTree

_GONE: Final = (
    inotify.IN_DELETE_SELF | inotify.IN_MOVE_SELF | inotify.IN_UNMOUNT | inotify.IN_IGNORED
)
_TREE_CHANGED: Final = (
    inotify.IN_CREATE | inotify.IN_MOVED_TO | inotify.IN_MOVED_FROM | inotify.IN_ATTRIB
)


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


class DoubtEvent(FileSystemEvent):
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
        timeout: float = DEFAULT_EMITTER_TIMEOUT,
        event_filter: list[type[FileSystemEvent]] | None = None,
    ) -> None:
        super().__init__(event_queue, watch, timeout=timeout, event_filter=event_filter)
        self.name = "watch"
        self._root = os.fsdecode(watch.path)
        self._lock = Lock()
        self._inotify: Inotify | None = None
        self._tree: WatchedTree | None = None

    def on_thread_start(self) -> None:
        """Opens inotify and watches the tree; in the thread that starts this one.

        Raises:
            OSError: there is no inotify instance to be had.
        """
        self._inotify = Inotify()
        self._tree = WatchedTree(self._inotify, self._root)
        if not self._tree.renew():
            self._lose()
        elif self._tree.unwatched:
            self._doubt(HintKind.WATCH_LIMIT)

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
        if self._inotify is None or self._tree is None:
            return
        events = list(self._inotify.read(timeout))
        with self._lock:
            self._take(self._tree, events)

    def unwatched(self) -> dict[str, int]:
        """The top of every subtree that is not watched, with inotify's error number."""
        with self._lock:
            return {} if self._tree is None else dict(self._tree.unwatched)

    def is_drained(self) -> bool:
        """Whether every event so far has been queued."""
        with self._lock:
            return self._inotify is None or not self._inotify.has_unread()

    def retry(self) -> None:
        """Tries again to watch what could not be watched."""
        with self._lock:
            if self._tree is not None and self._tree.unwatched:
                self._tree.retry()

    def _take(self, tree: WatchedTree, events: list[Event]) -> None:
        changed: dict[str, None] = {}
        left: list[str] = []
        grown: dict[str, None] = {}
        has_overflowed = False
        for event in events:
            has_overflowed = has_overflowed or bool(event.mask & inotify.IN_Q_OVERFLOW)
            directory = tree.path(event.watch)
            if directory is None:
                continue
            if directory == self._root and event.mask & _GONE:
                self._lose()
                return
            if event.mask & inotify.IN_IGNORED:
                tree.forget(event.watch)
            path = f"{directory}/{event.name}" if event.name else directory
            if event.name and event.mask & inotify.IN_ISDIR and event.mask & _TREE_CHANGED:
                grown[path] = None
                if event.mask & inotify.IN_MOVED_FROM:
                    left.append(path)
            changed[path] = None
        self._follow(tree, left, list(grown), has_overflowed=has_overflowed)
        for path in changed:  # after the watches: what a look at the path misses is an event
            self.queue_event(DirModifiedEvent(path))

    def _follow(
        self, tree: WatchedTree, left: list[str], grown: list[str], *, has_overflowed: bool
    ) -> None:
        """Keeps watches in step with directories that came or went."""
        before = len(tree.unwatched)
        if has_overflowed:
            tree.renew()
            self._doubt(HintKind.OVERFLOW)
        else:
            if left:
                tree.drop(left)
            for path in grown:
                tree.add(path)
        if len(tree.unwatched) > before:
            self._doubt(HintKind.WATCH_LIMIT)

    def _lose(self) -> None:
        self._doubt(HintKind.LOST)
        self.stop()

    def _doubt(self, kind: HintKind) -> None:
        self.queue_event(DoubtEvent(self._root, kind))
