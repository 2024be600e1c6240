"""Streams what happens to jobs as server-sent events (HTML standard, section 9.2), in bounds."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter
from starlette.types import Receive, Scope, Send

from tflited.domain.control import Control
from tflited.domain.events import EventKind, JobEvent
from tflited.domain.job import ACTIVE, JobState
from tflited.web.answers import RequestError, retry_after
from tflited.web.timely import TimelyResponse

HEARTBEAT_SECONDS: Final = 10.0
LONGEST_SECONDS: Final = 3600.0
_BUSY_SECONDS: Final = 10.0
_MOST_DIGITS: Final = 18
_MODELS: Final = b"event: models\ndata: {}\n\n"
"""Without an id: whoever asks again asks for events of jobs."""
_EVENT: TypeAdapter[JobEvent] = TypeAdapter(JobEvent)


class Streams:
    """Every stream there is.

    Args:
        control: the engine.
        most: how many there may be at once.
    """

    def __init__(self, control: Control, most: int) -> None:
        self._control = control
        self._most = most
        self._open = 0
        self._closing = threading.Event()
        self._wakes: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """Ends every stream; for any thread."""
        self._closing.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is over
                self._loop.call_soon_threadsafe(self._wake_all)

    async def open(self, request: Request, job_id: int | None) -> "EventStream":
        """A stream of one job's events, or of all.

        Raises:
            RequestError: there are too many.
        """
        if self._open >= self._most:
            raise RequestError(
                503,
                "too_many_streams",
                f"event streams: observed {self._open}, allowed {self._most}",
                hint="ask again as Retry-After says, or raise [http] max_event_streams",
                headers=retry_after(_BUSY_SECONDS),
            )
        self._loop = asyncio.get_running_loop()
        return EventStream(self, self._events(_last_id(request), job_id))

    def begun(self) -> None:
        """Counts a stream."""
        self._open += 1

    def ended(self) -> None:
        """Counts one less."""
        self._open -= 1

    async def _events(self, last: int | None, job_id: int | None) -> AsyncIterator[bytes]:
        loop, wake, feed = asyncio.get_running_loop(), asyncio.Event(), self._control.events()
        self._wakes.add(wake)

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is over
                loop.call_soon_threadsafe(wake.set)

        end = feed.listen(tell)
        try:
            async for text in self._follow(wake, last, job_id):
                yield text
        finally:
            end()
            self._wakes.discard(wake)

    async def _follow(
        self, wake: asyncio.Event, last: int | None, job_id: int | None
    ) -> AsyncIterator[bytes]:
        feed, newest = self._control.events(), self._control.events().newest()
        # An id of an earlier run of the daemon means nothing; one job's story is told from its
        # beginning, of all jobs what is new.
        after = last if last is not None and last <= newest else (0 if job_id else newest)
        told: JobState | None = None
        looks = feed.looks()
        is_due, until = True, asyncio.get_running_loop().time() + LONGEST_SECONDS
        yield b": tflited\n\n"
        while not self._closing.is_set() and asyncio.get_running_loop().time() < until:
            wake.clear()
            for event in feed.since(after, job_id=job_id):
                after, told, is_due = event.id, event.state, True
                yield _told(event)
            if job_id is None and feed.looks() != looks:
                looks = feed.looks()
                yield _MODELS
            if job_id is not None and is_due:
                # Read after the events: whatever the memory has lost, the end is told.
                job = await run_in_threadpool(self._control.job, job_id)
                is_over = job is None or job.state not in ACTIVE
                if job is not None and (told is None or (is_over and told is not job.state)):
                    told = job.state
                    yield _told(feed.snapshot(job))
                if is_over:
                    return
            is_due = not await _is_woken(wake)
            if is_due:
                yield b": still here\n\n"

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()


class EventStream(TimelyResponse):
    """One stream; a client that stops reading is given up."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, events: AsyncIterator[bytes]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers)
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves it, and counts it as long."""
        self._streams.begun()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.ended()


async def _is_woken(wake: asyncio.Event) -> bool:
    """Waits for an event; false where none came within a heartbeat."""
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            await wake.wait()
            return True
    return False


def _last_id(request: Request) -> int | None:
    text = request.headers.get("last-event-id", "")
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None


def _told(event: JobEvent) -> bytes:
    kind = EventKind(event.kind).value
    data = json.dumps(_EVENT.dump_python(event, mode="json"), separators=(",", ":"))
    return f"id: {event.id}\nevent: {kind}\ndata: {data}\n\n".encode("ascii")
