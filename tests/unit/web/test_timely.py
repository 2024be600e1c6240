"""Timely answers: who does not take a part in time is given up, and what was held is let go."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.types import Message

from tflited.web import timely
from tflited.web.timely import TimelyResponse


def test_a_client_that_stops_reading_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first part went out; the second waits no longer than allowed, and no third is made."""
    monkeypatch.setattr(timely, "SEND_SECONDS", 0.05)
    made: list[int] = []
    taken: list[Message] = []

    def parts() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"x"

    async def send(message: Message) -> None:
        taken.append(message)
        if len(taken) > 2:
            await asyncio.Event().wait()

    asyncio.run(TimelyResponse(parts()).stream_response(send))
    assert [message["type"] for message in taken[:2]] == [
        "http.response.start",
        "http.response.body",
    ]
    assert made == [0, 1]
