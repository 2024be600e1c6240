"""Access without a server: what is unknown about a request grants nothing."""

import asyncio

import pytest
from starlette.requests import Request

from tflited.domain.access import HttpRules
from tflited.web.access import Access
from tflited.web.answers import RequestError


def request(**extra: object) -> Request:
    return Request({
        "type": "http", "method": "GET", "path": "/x", "headers": [], "query_string": b"",
        "scheme": "http", "client": ("127.0.0.1", 5), **extra,
    })  # fmt: skip


@pytest.mark.parametrize("server", [None, ("192.0.2.1", 80), ("", 80), ("localhost.evil", 80)])
def test_an_unknown_address_is_not_loopback(server: tuple[str, int] | None) -> None:
    """Only a connection that came to loopback reads without a token."""
    access = Access(HttpRules(), ())
    with pytest.raises(RequestError) as caught:
        asyncio.run(access.read(request(server=server), None))
    assert caught.value.status == 401

    asyncio.run(access.read(request(server=("127.0.0.1", 80)), None))


def test_without_tokens_nobody_writes_over_tcp() -> None:
    """Loopback is no right to write."""
    with pytest.raises(RequestError) as caught:
        asyncio.run(Access(HttpRules(), ()).write(request(server=("127.0.0.1", 80)), None))
    assert caught.value.status == 401
