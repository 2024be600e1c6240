"""Which hosts count as this machine."""

import pytest

from tflited.web.guard import SCOPE_KEY, is_from_socket, is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback(host: str) -> None:
    """Names and addresses of this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.0.0.1", "localhost.evil.example", "::"])  # noqa: S104 - refused
def test_not_loopback(host: str) -> None:
    """Everything else, the wildcard addresses too."""
    assert not is_loopback(host)


def test_the_mark_of_the_unix_socket() -> None:
    """An application served without the marking wrapper grants nothing."""
    assert is_from_socket({SCOPE_KEY: "unix"})
    assert not is_from_socket({SCOPE_KEY: "tcp"})
    assert not is_from_socket({})


def test_a_mapped_address_is_its_own() -> None:
    """A socket for both families reports addresses of the older one in the newer form."""
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("::ffff:192.0.2.1")
