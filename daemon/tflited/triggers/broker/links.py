"""Chooses the link of a broker, and loads its client only then: an idle daemon stays small."""

from typing import assert_never

from tflited.domain.broker import BrokerKind
from tflited.triggers.broker.access import Access
from tflited.triggers.broker.delivery import Link


def make_link(access: Access) -> Link:
    """A new connection, not opened yet.

    Raises:
        ValueError: the address is none that the client understands.
    """
    from tflited.triggers.broker.handler import quieten

    quieten()
    kind = access.settings.kind
    match kind:
        case BrokerKind.REDIS:
            from tflited.triggers.broker.redis_link import RedisLink

            return RedisLink(access)
        case BrokerKind.RABBITMQ:
            from tflited.triggers.broker.rabbit_link import RabbitLink

            return RabbitLink(access)
        case BrokerKind.NATS:
            from tflited.triggers.broker.nats_link import NatsLink

            return NatsLink(access)
        case BrokerKind.MQTT:
            from tflited.triggers.broker.mqtt_link import MqttLink

            return MqttLink(access)
        case _:
            assert_never(kind)
