"""What the links share of FastStream: messages arrive whole, and only we acknowledge them."""

import logging
from typing import Any, Final, TypedDict

from faststream.message import StreamMessage

from tflited.triggers.broker.delivery import Delivery, Take

_LOGGERS: Final = ("aio_pika", "aiormq", "faststream", "nats", "zmqtt")


class BrokerOptions(TypedDict):
    """Arguments that every FastStream broker gets."""

    logger: Any
    apply_types: bool
    graceful_timeout: None
    decoder: Any


async def _whole(message: StreamMessage[Any]) -> StreamMessage[Any]:
    """Stands in for FastStream's decoder, which drops a message whose body it cannot read."""
    return message


OPTIONS: Final = BrokerOptions(
    logger=None, apply_types=False, graceful_timeout=None, decoder=_whole
)


def quieten() -> None:
    """Silences the clients: each tells a lost connection many times, the door tells it once."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


async def hand_over(
    message: StreamMessage[Any],
    take: Take,
    *,
    identity: str = "",
    correlation: str = "",
    reply_to: str = "",
) -> None:
    """Gives a FastStream message to the door.

    Args:
        message: as it came.
        take: the door.
        identity: the broker's own name for it.
        correlation: the producer's own name for it; FastStream would make one up.
        reply_to: where it asks for results, if not in the place that FastStream knows.
    """
    delivery = Delivery(
        body=bytes(message.body),
        identity=identity,
        reply_to=reply_to or message.reply_to or "",
        correlation=correlation,
        acknowledge=message.ack,
        renew=getattr(message, "in_progress", None),
    )
    await take(delivery)
