"""The bounds of a connection: how many there are, and how long each may take to say what it wants.

uvicorn ends idle connections between requests, but waits for ever for the rest of a header, and for
a client that does not read its answer.
"""

import asyncio
from typing import Final

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from tflited.web.answers import refuse, retry_after

HEADER_SECONDS: Final = 10.0
"""From the connection, or the first byte after an answer, to the end of a request's header."""
FLUSH_SECONDS: Final = 30.0
"""From the end of an answer until a client that does not read it is cut off."""
LARGEST_HEADER_BYTES: Final = 32 * 1024
_BUSY_SECONDS: Final = 5.0


async def too_busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a connection that is one too many."""
    answer = refuse(
        503,
        "too_busy",
        "connections: observed more than [http] max_connections",
        "ask again as Retry-After says",
        headers={**retry_after(_BUSY_SECONDS), "Connection": "close"},
    )
    await answer(scope, receive, send)


class BoundedProtocol(H11Protocol):
    """One connection; ``limit_concurrency`` of the configuration is how many are served at once."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._most = config.limit_concurrency or 0
        self.limit_concurrency = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Takes the connection, or lets it hear that it is one too many."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self._most:
            transport.abort()  # so many are being told already
        elif len(self.connections) > self._most:
            self.app = too_busy
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Reads on; a request whose header is whole has all the time it needs."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._stop_waiting()
        elif self._patience is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Goes on with the next request, or sees that the connection ends."""
        super().on_response_complete()
        self.loop.call_later(FLUSH_SECONDS, self._cut)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _cut(self) -> None:
        if self.transport.is_closing():
            self.transport.abort()
