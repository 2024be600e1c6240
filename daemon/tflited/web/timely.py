"""Answers in many parts: a client that does not take one in time is given up."""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

SEND_SECONDS: Final = 30.0


class TimelyResponse(StreamingResponse):
    """A streamed answer none of whose parts waits for the client for long."""

    async def stream_response(self, send: Send) -> None:
        """Sends part by part, none of which may wait long for the client."""

        async def timely(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        with suppress(TimeoutError):
            await super().stream_response(timely)
