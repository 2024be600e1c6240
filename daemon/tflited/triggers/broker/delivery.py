"""What passes between the door and a broker's own link: a message in, a reply out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message as it came.

    Attributes:
        body: the trigger document.
        identity: tells the message from every other and is the same at a redelivery; empty where
            the broker gives messages no such name.
        reply_to: where the message itself asks for its results; empty for nowhere.
        correlation: returned with every reply; empty for the trigger's id.
        acknowledge: tells the broker that it is done with; what is not is delivered again.
        renew: tells the broker that the message is still worked on; None where it has no deadline.
    """

    body: bytes
    identity: str = ""
    reply_to: str = ""
    correlation: str = ""
    acknowledge: Callable[[], Awaitable[None]]
    renew: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a reply channel.

    Attributes:
        channel: a stream, a queue, a subject or a topic.
        correlation: of the message that is answered.
        body: JSON.
    """

    channel: str
    correlation: str
    body: bytes


Take = Callable[[Delivery], Awaitable[None]]
"""Makes a message's job durable, then acknowledges it; holds it as long as that cannot be."""


class Link(Protocol):
    """One connection to a broker; used once. What a client raises goes through."""

    async def open(self, take: Take) -> None:
        """Connects, makes what is missing there, and begins to read."""
        ...

    async def check(self) -> None:
        """Asks the broker something; raises when messages do not come any more."""
        ...

    async def publish(self, reply: Reply) -> None:
        """Sends a reply; returns when the broker has it."""
        ...

    async def close(self) -> None:
        """Ends the connection; what is unacknowledged is delivered again."""
        ...
