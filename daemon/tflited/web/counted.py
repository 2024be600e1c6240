"""Tells the status of every answer to whoever counts them."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Counted:
    """An application whose answers are counted.

    Args:
        app: what answers.
        told: told the status as an answer begins; must return at once.
    """

    def __init__(self, app: ASGIApp, told: Callable[[int], None]) -> None:
        self._app = app
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._told(message["status"])
            await send(message)

        await self._app(scope, receive, tell)
