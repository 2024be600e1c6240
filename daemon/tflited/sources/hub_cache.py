"""The cache of fetched Hub modules: what is there, when it is asked for again, and by whom.

A fetch runs on a thread of its own and reports nothing by itself: it wakes whoever asks here. A
module that is in the cache stays in force while another fetch of it runs or fails.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final, Protocol

import structlog

from tflited import durable
from tflited.domain.hub import module_key, shown
from tflited.domain.ports import Clock, HubFetcher
from tflited.domain.retry import delay_seconds
from tflited.errors import HubError, StorageFailedError, StoragePausedError

_LOG = structlog.get_logger()
_MOST_FETCHES: Final = 4
"""At the same time; others wait for their turn."""


class Record(Protocol):
    """What a metric is told of a fetch."""

    def __call__(self, seconds: float, *, is_successful: bool) -> None:
        """One fetch is over after so many seconds."""
        ...


@dataclass(slots=True)
class _Handle:
    """What is remembered of one handle while the daemon runs."""

    cancel: Event | None = None
    is_refresh: bool = False
    is_asked: bool = False
    failure: HubError | None = None
    failures: int = 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheView:
    """What is known of one handle now.

    Attributes:
        folder: the module, where there is one that may be used.
        failure: why there is none; None while it is fetched.
    """

    folder: Path | None = None
    failure: HubError | None = None


class HubCache:
    """Modules by handle, in tensorflow_hub's layout.

    Args:
        clock: time.
        fetcher: brings modules.
        folder: the cache.
        refresh_seconds: after which a handle is asked again; 0 for never.
        is_offline: never fetches by itself.
    """

    def __init__(
        self,
        clock: Clock,
        fetcher: HubFetcher,
        folder: Path,
        *,
        refresh_seconds: float,
        is_offline: bool = False,
    ) -> None:
        self._clock = clock
        self._fetcher = fetcher
        self._folder = folder
        self._refresh = refresh_seconds
        self._is_offline = is_offline
        self._lock = Lock()
        self._handles: dict[str, _Handle] = {}
        self._threads: dict[str, Thread] = {}
        self._is_stopping = False
        self.wake: Callable[[], None] = lambda: None
        self.record: Record = _no_record

    def view(self, handle: str) -> CacheView:
        """What is there for a handle; starts a fetch where one is due."""
        place = self.place(handle)
        is_there = place.is_dir()
        with self._lock:
            state = self._handles.setdefault(handle, _Handle())
            if self._is_due(handle, state, is_there=is_there):
                self._start(handle, state)
            if is_there and not state.is_asked:
                return CacheView(folder=place)
            is_waiting = state.cancel is not None or state.failure is None
            return CacheView(failure=None if is_waiting else state.failure)

    def is_replacing(self, handle: str) -> bool:
        """Whether a module that is in force is being fetched anew, and may be swapped just now."""
        with self._lock:
            state = self._handles.get(handle, _Handle())
            return state.cancel is not None and state.is_refresh and not state.is_asked

    def place(self, handle: str) -> Path:
        """The folder of a handle's module."""
        return self._folder / module_key(handle)

    def ask_again(self, handle: str) -> None:
        """Makes the next view fetch the module although it is there; until then none is used."""
        with self._lock:
            state = self._handles.setdefault(handle, _Handle())
            state.is_asked = True
            state.failure, state.failures, state.not_before = None, 0, 0.0

    def try_again(self, handle: str) -> None:
        """Forgets why a fetch failed: the reference was written anew."""
        with self._lock:
            state = self._handles.setdefault(handle, _Handle())
            if state.failure is not None:
                state.failure, state.failures, state.not_before = None, 0, 0.0

    def fetch_now(self, handle: str) -> None:
        """Fetches a module that is not there or due, and blocks until it is.

        Raises:
            HubError: it could not be had, and there is none from before.
        """
        is_there = self.place(handle).is_dir()
        if is_there and not self._is_old(handle):
            return
        try:
            self._fetch(handle, Event())
        except HubError as error:
            if not is_there:
                raise
            _tell_kept(handle, error)

    def next_due(self, handle: str) -> float:
        """Monotonic seconds at which a handle is asked again; infinite while a wake tells."""
        with self._lock:
            state = self._handles.get(handle)
            is_busy = state is None or state.cancel is not None or self._is_full()
            if state is None or is_busy or self._is_offline or self._is_stopping:
                return math.inf
            if state.failure is not None or not self.place(handle).is_dir():
                return state.not_before
            if not self._refresh:
                return math.inf
            left = self._refresh - self._age(handle)
            return max(state.not_before, self._clock.monotonic() + left)

    def stop(self, deadline_seconds: float) -> None:
        """Ends every fetch, waiting at most so long for each."""
        with self._lock:
            self._is_stopping = True
            for state in self._handles.values():
                if state.cancel is not None:
                    state.cancel.set()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(deadline_seconds)

    def _is_due(self, handle: str, state: _Handle, *, is_there: bool) -> bool:
        if self._is_offline or state.cancel is not None or self._is_stopping:
            return False
        is_wanted = not is_there or state.is_asked or self._is_old(handle)
        return is_wanted and not self._is_full() and self._clock.monotonic() >= state.not_before

    def _is_full(self) -> bool:
        return len(self._threads) >= _MOST_FETCHES

    def _is_old(self, handle: str) -> bool:
        return self._refresh > 0 and self._age(handle) >= self._refresh

    def _age(self, handle: str) -> float:
        return (self._clock.now() - self._fetched_at(handle)).total_seconds()

    def _start(self, handle: str, state: _Handle) -> None:
        state.cancel = Event()
        state.is_refresh = self.place(handle).is_dir()
        thread = Thread(target=self._run, args=(handle, state.cancel), name="hub-fetch")
        self._threads[handle] = thread
        thread.start()

    def _run(self, handle: str, cancel: Event) -> None:
        started = self._clock.monotonic()
        failure: HubError | None = HubError(
            f"{shown(handle)}: the fetch ended by a fault of the program.",
            hint="report it with the log",
            is_transient=True,
        )
        try:
            self._fetch(handle, cancel)
            failure = None
        except HubError as error:
            failure = error
        except (StoragePausedError, StorageFailedError, OSError) as error:
            failure = HubError(f"{shown(handle)}: {error}", is_transient=True)
        finally:  # whatever it was: a handle must not count as being fetched for ever
            with self._lock:
                self._ended(handle, failure)
            self.wake()
        self.record(self._clock.monotonic() - started, is_successful=failure is None)
        if failure is not None and not cancel.is_set():
            _tell_failed(handle, failure, is_there=self.place(handle).is_dir())

    def _ended(self, handle: str, failure: HubError | None) -> None:
        state = self._handles[handle]
        state.cancel, state.is_asked, state.failure = None, False, failure
        del self._threads[handle]
        state.failures = 0 if failure is None else state.failures + 1
        wait = 0.0
        if failure is not None:
            wait = delay_seconds(state.failures) if failure.retryable else self._refresh or math.inf
        state.not_before = self._clock.monotonic() + wait

    def _fetch(self, handle: str, cancel: Event) -> None:
        _LOG.info("hub_fetch_started", handle=shown(handle))
        started = self._clock.monotonic()
        place = self.place(handle)
        self._fetcher.fetch(handle, place, cancel)
        now = self._clock.now()
        record = {"handle": handle, "fetched_at": now.isoformat()}
        durable.write(self._record(handle), json.dumps(record).encode())
        seconds = self._clock.monotonic() - started
        _LOG.info("hub_fetched", handle=shown(handle), folder=str(place), seconds=seconds)

    def _record(self, handle: str) -> Path:
        return self._folder / f"{module_key(handle)}.json"

    def _fetched_at(self, handle: str) -> datetime:
        """When a module came; one that tensorflow_hub has put there is as old as its folder."""
        try:
            record: Any = json.loads(self._record(handle).read_bytes())
            at = datetime.fromisoformat(record["fetched_at"])
            return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        except (OSError, ValueError, LookupError, TypeError):
            pass
        try:
            return datetime.fromtimestamp(self.place(handle).stat().st_mtime, UTC)
        except OSError:
            return datetime.fromtimestamp(0, UTC)


def _no_record(seconds: float, *, is_successful: bool) -> None:
    """Tells nobody."""


def _tell_failed(handle: str, failure: HubError, *, is_there: bool) -> None:
    if is_there:
        _tell_kept(handle, failure)
        return
    _LOG.warning(
        "hub_fetch_failed",
        handle=shown(handle),
        reason=failure.message,
        hint=failure.hint,
        is_transient=failure.retryable,
    )


def _tell_kept(handle: str, failure: HubError) -> None:
    _LOG.warning(
        "hub_refresh_failed", handle=shown(handle), reason=failure.message, hint=failure.hint
    )
