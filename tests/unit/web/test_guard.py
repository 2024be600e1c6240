"""Which hosts count as this machine, and that a request without a mark has no rights."""

import pytest
from starlette.requests import Request

from tflited.web.answers import RequestError
from tflited.web.guard import SCOPE_KEY, is_loopback, require_unix_socket


def request(**extra: str) -> Request:
    return Request({
        "type": "http", "method": "POST", "path": "/x", "headers": [], "query_string": b"",
        "server": ("localhost", 80), "scheme": "http", **extra,
    })  # fmt: skip


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback(host: str) -> None:
    """Names and addresses of this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.0.0.1", "localhost.evil.example", "::"])  # noqa: S104 - refused
def test_not_loopback(host: str) -> None:
    """Everything else, the wildcard addresses too."""
    assert not is_loopback(host)


def test_the_mark_of_the_unix_socket_passes() -> None:
    """A request that its listener marked may change things."""
    require_unix_socket(request(**{SCOPE_KEY: "unix"}))


@pytest.mark.parametrize("extra", [{}, {SCOPE_KEY: "tcp"}])
def test_no_mark_counts_as_tcp(extra: dict[str, str]) -> None:
    """An application served without the marking wrapper refuses rather than trusts."""
    with pytest.raises(RequestError, match="unix socket") as caught:
        require_unix_socket(request(**extra))

    assert caught.value.status == 403
