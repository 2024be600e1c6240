"""Every answer is told by its status, and passed on as it is."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from tflited.web.counted import Counted


async def _found(_: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


async def _broken(_: Request) -> PlainTextResponse:
    raise RuntimeError("broken")


APP = Starlette(routes=[Route("/", _found), Route("/broken", _broken)])


def answer(app: ASGIApp, path: str, sent: Callable[[Message], None]) -> None:
    """Asks an application once."""
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent(message)

    async def ask() -> None:
        await app(scope, receive, send)

    asyncio.run(ask())


def test_an_answer_is_told_by_its_status_and_passed_on() -> None:
    """Also one that no route gave."""
    told: list[int] = []
    sent: list[Message] = []
    for path in ("/", "/nowhere"):
        answer(Counted(APP, told.append), path, sent.append)

    assert told == [200, 404]
    assert sent[1]["body"] == b"here"


def test_a_fault_is_told_as_an_error() -> None:
    """Whoever counts must not hear only of what went well."""
    told: list[int] = []
    with pytest.raises(RuntimeError, match="broken"):
        answer(Counted(APP, told.append), "/broken", lambda _: None)

    assert told == [500]
