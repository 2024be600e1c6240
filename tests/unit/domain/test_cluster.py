"""Hosts that may do without certificates."""

import pytest

from tflited.domain.cluster import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_machine_alone_reaches_loopback(host: str) -> None:
    """So nobody else can speak to it."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "192.168.0.1", "localhost.example", "127.0.0.1.example", "[::"],  # noqa: S104 - refused
)
def test_whatever_else_is_named_may_be_reached_from_elsewhere(host: str) -> None:
    """A wildcard and a name that only looks like loopback among them."""
    assert not is_loopback(host)
