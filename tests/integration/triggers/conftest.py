"""Servers and doors for the tests of message brokers."""

from broker_doors import (
    connections_left_behind,
    open_door,
    pytest_itemcollected,
    rabbit,
    server,
    source,
)

__all__ = [
    "connections_left_behind",
    "open_door",
    "pytest_itemcollected",
    "rabbit",
    "server",
    "source",
]
