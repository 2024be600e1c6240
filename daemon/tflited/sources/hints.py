"""Watches one root for hints, with watchdog's Observer; a hint says only where to look."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, ObservedWatch

from tflited.sources.emitter import DoubtEvent, HintEmitter, HintKind
from tflited.sources.watch_limit import LIMIT_ERRORS

_LOG = structlog.get_logger()
_READ_SECONDS: Final = 60.0
"""Nothing is done between two reads without an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Where to look: a path below the root ("" for the whole root)."""

    path: str
    kind: HintKind = HintKind.CHANGED


class HintWatcher:
    """Watches a root and passes its hints on from watchdog's thread.

    Every root has one of its own, so that a file system that hangs holds up nobody else.

    Args:
        root: the directory to watch.
        receive: told every hint; must return at once.
    """

    def __init__(self, root: Path, receive: Callable[[Hint], None]) -> None:
        self._root = root
        self._handler = _Forwarder(root, receive)
        self._observer = BaseObserver(HintEmitter, timeout=_READ_SECONDS)
        self._observer.name = "hints"
        self._watch: ObservedWatch | None = None
        self._refusal = 0

    def start(self) -> None:
        """Starts the thread that passes hints on."""
        self._observer.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends every thread, waiting at most so long."""
        if self._observer.ident is not None:
            self._observer.stop()
            self._observer.join(deadline_seconds)

    def ensure(self) -> bool:
        """Watches the root unless it is watched already.

        Returns:
            Whether the watch is new, so that changes before it need a scan.
        """
        emitter = self._emitter()
        if emitter is not None and emitter.is_alive() and emitter.should_keep_running():
            emitter.retry()
            return False
        self._forget()
        try:
            self._watch = self._observer.schedule(self._handler, str(self._root), recursive=True)
        except OSError as error:
            self._observer.remove_handler_for_watch(
                self._handler, ObservedWatch(str(self._root), recursive=True)
            )
            self._refused(error)
            return False
        self._refusal = 0
        return True

    def unwatched(self) -> dict[str, int]:
        """Path below the root of every subtree that is not watched, with inotify's error number."""
        if self._refusal:
            return {"": self._refusal}
        emitter = self._emitter()
        tops = {} if emitter is None else emitter.unwatched()
        return {below(self._root, top): error for top, error in tops.items()}

    def is_drained(self) -> bool:
        """Whether every event so far has been passed on."""
        emitter = self._emitter()
        return emitter is None or (emitter.is_drained() and self._observer.event_queue.empty())

    def _refused(self, error: OSError) -> None:
        number = error.errno or 0
        if number != self._refusal and number not in LIMIT_ERRORS:
            _LOG.warning("root_not_watched", path=str(self._root), reason=str(error))
        self._refusal = number

    def _forget(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            self._observer.unschedule(watch)

    def _emitter(self) -> HintEmitter | None:
        emitters = (one for one in self._observer.emitters if isinstance(one, HintEmitter))
        return next(emitters, None)


def below(root: Path, path: str) -> str:
    """A path below a root; "" for the root itself."""
    return path.removeprefix(str(root)).lstrip("/")


class _Forwarder(FileSystemEventHandler):
    """Turns watchdog's events into hints."""

    def __init__(self, root: Path, receive: Callable[[Hint], None]) -> None:
        self._root = root
        self._receive = receive

    def dispatch(self, event: FileSystemEvent) -> None:
        """Receives one event from watchdog's dispatching thread."""
        kind = HintKind(event.event_type) if isinstance(event, DoubtEvent) else HintKind.CHANGED
        self._receive(Hint(path=below(self._root, os.fsdecode(event.src_path)), kind=kind))
