"""Store first, then acknowledge: what becomes of each message, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from threading import Event

import structlog

from tflited.domain.control import Control
from tflited.domain.job import TriggerSource
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import TflitedError
from tflited.triggers.broker.backoff import Backoff
from tflited.triggers.broker.delivery import Delivery, Reply
from tflited.triggers.broker.naming import Naming
from tflited.triggers.broker.replies import Replies, receipt_of

_LOG = structlog.get_logger()


class Receiver:
    """Takes messages in turn; lives on the broker's event loop.

    Args:
        control: where triggers go.
        naming: gives ids.
        replies: keeps the results that are owed.
        executor: one thread that may wait for the engine.
        send: sends a reply.
        reply_to: where results go that no message asks for; empty for nowhere.
    """

    def __init__(
        self,
        control: Control,
        *,
        naming: Naming,
        replies: Replies,
        executor: Executor,
        send: Callable[[Reply], Awaitable[None]],
        reply_to: str,
    ) -> None:
        self._control = control
        self._naming = naming
        self._replies = replies
        self._executor = executor
        self._send = send
        self._reply_to = reply_to
        self._turn = asyncio.Lock()
        self._is_closed = Event()

    def close(self) -> None:
        """Takes nothing more; from any thread. What comes is held, to be delivered again later."""
        self._is_closed.set()

    async def take(self, delivery: Delivery) -> None:
        """Makes a message's job or its refusal durable, answers, and acknowledges the message.

        While the store is paused or the engine does not answer, the message is held, and those
        behind it wait: the broker stops sending once so many are unacknowledged.
        """
        async with self._turn:
            receipt = await self._stored(delivery)
            channel = delivery.reply_to or self._reply_to
            if channel:
                reply = Reply(channel, delivery.correlation or receipt.id, receipt_of(receipt))
                await self._send(reply)
            await delivery.acknowledge()
            self._naming.forget()

    async def _stored(self, delivery: Delivery) -> TriggerReceipt:
        backoff, trouble = Backoff(), ""
        loop = asyncio.get_running_loop()
        while True:
            if self._is_closed.is_set():
                await asyncio.Event().wait()  # until this task is cancelled
            try:
                receipt = await loop.run_in_executor(self._executor, self._store, delivery)
            except (OSError, TflitedError) as error:
                if not trouble:
                    _LOG.warning("broker_trigger_held", reason=str(error))
                trouble = str(error)
            else:
                return receipt
            if delivery.renew is not None:
                await delivery.renew()
            await asyncio.sleep(backoff.next_seconds())

    def _store(self, delivery: Delivery) -> TriggerReceipt:
        receipt = self._control.submit(self._naming.named(delivery), TriggerSource.BROKER)
        if channel := delivery.reply_to or self._reply_to:
            self._replies.owe(receipt, channel, delivery.correlation or receipt.id)
        _LOG.info(
            "trigger_received",
            document="",
            is_accepted=receipt.is_accepted,
            job_id=receipt.job_id,
            reason=receipt.reason,
        )
        return receipt
