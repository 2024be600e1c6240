"""Servers and doors for floods through message brokers."""

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
