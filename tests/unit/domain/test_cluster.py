"""Addresses of a cluster, and hosts that may do without certificates."""

import pytest

from tflited.domain.cluster import Address, address_fault, is_loopback, split_address


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_machine_alone_reaches_loopback(host: str) -> None:
    """So nobody else can speak to it."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "192.168.0.1", "localhost.example", "127.0.0.1.example", "[::"],  # noqa: S104 - compared, never bound
)
def test_whatever_else_is_named_may_be_reached_from_elsewhere(host: str) -> None:
    """A wildcard and a name that only looks like loopback among them."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("tls://build.example:8786", "build.example", 8786),
        ("tcp://127.0.0.1:0", "127.0.0.1", 0),
        ("tls://[fe80::1]:1", "[fe80::1]", 1),
    ],
)
def test_an_address_is_taken_apart(text: str, host: str, port: int) -> None:
    """With the brackets of IPv6."""
    assert split_address(text) == Address(scheme=text[:3], host=host, port=port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "build.example:8786",
        "http://h:1",
        "tls://h",
        "tls://:1",
        "tls://h:70000",
        "tls://h:-1",
        "tls://h:1/x",
        "tls://user@h:1",
        "tls://fe80::1:1",
        "tls://h:٣",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    """It is refused with what would be one."""
    assert split_address(text) is None
    assert "HOST:PORT" in address_fault(text, has_tls=True)
