"""Redis Streams: a consumer group, XACK after the store, and entries of dead consumers claimed."""

import json
from typing import Any

from faststream import AckPolicy
from faststream.redis import RedisBroker, RedisStreamMessage, StreamSub
from faststream.redis.message import bDATA_KEY
from faststream.security import BaseSecurity, SASLPlaintext
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tflited.errors import BrokerError
from tflited.triggers.broker.access import Access
from tflited.triggers.broker.delivery import Reply, Take
from tflited.triggers.broker.handler import OPTIONS, hand_over

_BLOCK_MS = 1000
_CLAIM_AFTER_MS = 60_000
"""Longer than the engine may take to answer (30 s): whoever holds a message longer is dead."""
_REPLIES_KEPT = 10_000
_FIELD = "data"


class RedisLink:
    """Implements ``Link`` over one stream; used once."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._source, self._group = access.settings.source, access.settings.group
        self._broker = RedisBroker(access.settings.url, security=_security(access), **OPTIONS)

    async def open(self, take: Take) -> None:
        """Connects, makes the group where it is missing, and begins to read."""
        client = await self._broker.connect()
        await self._make_group(client)
        await self._free_own(client)

        async def handle(message: RedisStreamMessage) -> None:
            entry = message.raw_message["message_ids"][0].decode()
            fields: dict[bytes, bytes] = message.raw_message["data"]
            await hand_over(
                message,
                take,
                identity=f"{self._source} {entry}",
                correlation=_text(fields.get(b"correlation_id")),
                reply_to=_text(fields.get(b"reply_to")),
            )

        for sub in (self._sub(), self._sub(min_idle_time=_CLAIM_AFTER_MS)):
            subscriber = self._broker.subscriber(
                stream=sub, ack_policy=AckPolicy.MANUAL, parser=_with_data, no_reply=True
            )
            subscriber(handle)
        await self._broker.start()

    async def check(self) -> None:
        """Asks for an echo; FastStream ends a reader for good when its group is gone (FLUSHDB)."""
        await (await self._broker.connect()).ping()
        if not all(getattr(each, "running", False) for each in self._broker.subscribers):
            raise BrokerError(f"The group {self._group} of the stream {self._source} is gone.")

    async def publish(self, reply: Reply) -> None:
        """Adds an entry with the fields ``data`` and ``correlation_id``."""
        client = await self._broker.connect()
        await client.xadd(
            reply.channel,
            {_FIELD: reply.body, "correlation_id": reply.correlation},
            maxlen=_REPLIES_KEPT,
            approximate=True,
        )

    async def close(self) -> None:
        """Ends the connection."""
        await self._broker.stop()

    def _sub(self, min_idle_time: int | None = None) -> StreamSub[bool]:
        """Reads what is new, or with an idle time what somebody took and never acknowledged."""
        return StreamSub(
            self._source,
            group=self._group,
            consumer=self._access.consumer,
            polling_interval=_BLOCK_MS,
            max_records=self._access.settings.prefetch,
            min_idle_time=min_idle_time,
        )

    async def _make_group(self, client: Redis) -> None:
        try:  # from the stream's beginning: what was sent before the first start is no less wanted
            await client.xgroup_create(self._source, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _free_own(self, client: Redis) -> None:
        """Lets what this daemon left unacknowledged before be claimed now, not in a minute."""
        consumer = self._access.consumer
        pending = await client.xpending_range(
            self._source, self._group, "-", "+", 1_000_000, consumername=consumer
        )
        ids: list[int | bytes | str | memoryview[int]] = [each["message_id"] for each in pending]
        if ids:
            await client.xclaim(
                self._source, self._group, consumer, 0, ids, idle=_CLAIM_AFTER_MS, justid=True
            )


async def _with_data(message: dict[str, Any], original: Any) -> Any:
    """Puts the document where FastStream looks for it: by itself it fails on what is no UTF-8.

    An entry without ``data`` gets its fields as a document, for the document's check to refuse.
    """
    fields: dict[bytes, bytes] = message["data"]
    body = fields.get(bDATA_KEY) or fields.get(_FIELD.encode())
    if not body:
        body = json.dumps({_text(key): _text(value) for key, value in fields.items()}).encode()
    return await original({**message, "data": {**fields, bDATA_KEY: body}})


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def _security(access: Access) -> BaseSecurity | None:
    if access.password:
        return SASLPlaintext(access.user, access.password, ssl_context=access.tls)
    return BaseSecurity(ssl_context=access.tls) if access.tls else None
