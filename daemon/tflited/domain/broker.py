"""The message broker as the settings name it: which one, where, and what is read there."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class BrokerKind(StrEnum):
    """The brokers that triggers can come through."""

    REDIS = "redis"
    """Redis Streams with a consumer group."""
    RABBITMQ = "rabbitmq"
    """A durable queue, AMQP 0-9-1."""
    NATS = "nats"
    """JetStream with a durable consumer."""
    MQTT = "mqtt"
    """MQTT 5 with a persistent session."""


SCHEMES: Final = {
    "redis": BrokerKind.REDIS,
    "rediss": BrokerKind.REDIS,
    "amqp": BrokerKind.RABBITMQ,
    "amqps": BrokerKind.RABBITMQ,
    "nats": BrokerKind.NATS,
    "tls": BrokerKind.NATS,
    "mqtt": BrokerKind.MQTT,
    "mqtts": BrokerKind.MQTT,
}
"""The beginning of an address to the broker that it means."""

_TLS_SCHEMES: Final = frozenset({"rediss", "amqps", "tls", "mqtts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """One broker.

    Attributes:
        url: its address, without user and password.
        source: what is read there: a stream, a queue, a subject or a topic.
        group: the name under which the daemon reads.
        reply_to: where results go to; empty for nowhere but where a message asks for them.
        credentials_file: holds ``USER:PASSWORD``, or a password or token alone; None without one.
        ca_file: the authorities that its certificate is checked against; None for the system's.
        prefetch: how many messages may be on their way unacknowledged.
    """

    url: str
    source: str = "tflited.triggers"
    group: str = "tflited"
    reply_to: str = ""
    credentials_file: Path | None = None
    ca_file: Path | None = None
    prefetch: int = 64

    @property
    def scheme(self) -> str:
        """What the address begins with."""
        return self.url.partition("://")[0]

    @property
    def kind(self) -> BrokerKind:
        """Which broker it is."""
        return SCHEMES[self.scheme]

    @property
    def is_encrypted(self) -> bool:
        """Whether the address asks for TLS."""
        return self.scheme in _TLS_SCHEMES
