"""Follows a daemon's event stream in a thread of its own, over every restart of the daemon."""

from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final, Self

from tflited.cli.client import Client
from tflited.errors import TflitedError

AGAIN_SECONDS: Final = 1.0
"""Between two tries to reach the daemon."""
_JOIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Here:
    """The daemon answers, for the first time or again."""


@dataclass(frozen=True, slots=True)
class Away:
    """It does not, or not any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened to a job: the event as the stream has it."""

    event: dict[str, Any]


News = Here | Away | Happened


class Following:
    """What happens, as it happens.

    Args:
        client: asks the daemon.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._news: SimpleQueue[News] = SimpleQueue()
        self._is_over = Event()
        self._thread = Thread(target=self._run, name="event-stream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._client.hang_up()
        self._thread.join(_JOIN_SECONDS)

    def next(self, timeout_seconds: float) -> News | None:
        """What is new; None where nothing is in time."""
        with suppress(Empty):
            return self._news.get(timeout=timeout_seconds)
        return None

    def _run(self) -> None:
        is_here: bool | None = None
        last: int | None = None
        while not self._is_over.is_set():
            try:
                for event in self._client.events(last):
                    if is_here is not True:
                        self._news.put(Here())
                    is_here = True
                    if event is not None:
                        last = event["id"]
                        self._news.put(Happened(event))
            except TflitedError as error:
                if is_here is not False and not self._is_over.is_set():
                    self._news.put(Away(error.message))
                is_here = False
            # A stream that ends, as each does after an hour, is asked for again.
            self._is_over.wait(AGAIN_SECONDS)
