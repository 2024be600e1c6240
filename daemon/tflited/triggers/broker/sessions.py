"""One connection to the broker after the other: opened, kept under watch, closed, made anew."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from tflited.domain.broker import BrokerSettings
from tflited.domain.control import Control
from tflited.domain.job import Job
from tflited.errors import BrokerError
from tflited.triggers.broker.access import Access, consumer_name, read_access
from tflited.triggers.broker.backoff import Backoff
from tflited.triggers.broker.delivery import Delivery, Link, Reply
from tflited.triggers.broker.links import make_link
from tflited.triggers.broker.naming import Naming
from tflited.triggers.broker.receiver import Receiver
from tflited.triggers.broker.replies import Replies

_LOG = structlog.get_logger()
CONNECTING: Final = "connecting"
"""The reason before the first connection came or failed."""
_OPEN_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 3.0
_CHECK_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.5
_LASTING_SECONDS: Final = 10.0
_LONGEST_REASON: Final = 300


class Sessions:
    """Takes triggers from one message broker, as long as ``run`` runs.

    A connection is used once: whatever goes wrong with it ends it, and a new one is made after a
    growing wait. So all brokers come back in the same way, whatever their clients would do.

    Args:
        settings: which broker.
        control: where triggers go.
        state: the daemon's state folder; a folder below it keeps what is owed.
        directory_of: where the set of a published job is.
        show_connected: told whenever the connection comes or goes.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        control: Control,
        state: Path,
        *,
        directory_of: Callable[[Job], Path],
        show_connected: Callable[[bool], None],
    ) -> None:
        self._settings = settings
        self._consumer = consumer_name(settings.group, state)
        self._show_connected = show_connected
        folder = state / "broker"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="broker-store")
        self._replies = Replies(folder, control, directory_of)
        self.receiver = Receiver(
            control,
            naming=Naming(folder / "in-hand.json"),
            replies=self._replies,
            executor=self._executor,
            send=self._send,
            reply_to=settings.reply_to,
        )
        self.reason = CONNECTING
        self._link: Link | None = None
        self._trouble: Exception | None = None

    async def run(self, end: asyncio.Event) -> None:
        """Runs until the event is set; then what hangs in a client is left behind."""
        backoff, ending = Backoff(), asyncio.create_task(end.wait())
        try:
            while not end.is_set():
                session = asyncio.create_task(self._session(backoff))
                await asyncio.wait({session, ending}, return_when=asyncio.FIRST_COMPLETED)
                session.cancel()
                await asyncio.wait({session}, timeout=2 * _CLOSE_SECONDS)
                await _sweep(ending)
                await asyncio.wait({ending}, timeout=backoff.next_seconds())
        finally:
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def _session(self, backoff: Backoff) -> None:
        """Runs one connection to its end; returns however it ends."""
        access: Access | None = None
        began = monotonic()
        try:
            access = read_access(self._settings, self._consumer)
            await self._use(make_link(access))
        except Exception as error:  # noqa: BLE001  # foreign clients raise whatever they like
            self._lost(access, error)
        if monotonic() - began > _LASTING_SECONDS:
            backoff.reset()

    async def _use(self, link: Link) -> None:
        self._link, self._trouble = link, None
        try:
            async with _answer_within(_OPEN_SECONDS):
                await link.open(self._take)
            await self._watch(link)
        finally:
            self._link = None
            await _close(link)

    async def _take(self, delivery: Delivery) -> None:
        """Takes a message. Where that fails, the connection ends, so that it comes again."""
        try:
            await self.receiver.take(delivery)
        except Exception as error:  # noqa: BLE001  # told by the watch, and never to the client
            self._trouble = error

    async def _watch(self, link: Link) -> None:
        """Asks the broker now and then, and sends what is owed, until something goes wrong."""
        loop = asyncio.get_running_loop()
        next_check = loop.time()
        while True:
            if self._trouble is not None:
                raise self._trouble
            if loop.time() >= next_check:
                async with _answer_within(_ANSWER_SECONDS):
                    await link.check()
                self._connected()
                next_check = loop.time() + _CHECK_SECONDS
            for name, reply in await loop.run_in_executor(self._executor, self._replies.due):
                if reply is not None:
                    await self._send(reply)
                await loop.run_in_executor(self._executor, self._replies.settle, name)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _send(self, reply: Reply) -> None:
        """Sends a reply. A channel that the broker refuses must not stop everything else."""
        if self._link is None:
            raise BrokerError("The connection is not there any more.")
        try:
            async with _answer_within(_ANSWER_SECONDS):
                await self._link.publish(reply)
        except Exception as error:  # noqa: BLE001  # as above; the connection is asked next
            async with _answer_within(_ANSWER_SECONDS):
                await self._link.check()
            _LOG.warning("broker_reply_failed", channel=reply.channel, reason=_told(error))

    def _connected(self) -> None:
        if self.reason:
            self.reason = ""
            self._show_connected(True)
            broker, source = self._settings.kind.value, self._settings.source
            _LOG.info("broker_connected", broker=broker, source=source)

    def _lost(self, access: Access | None, error: Exception) -> None:
        reason = access.without_secrets(_told(error)) if access else _told(error)
        is_news = self.reason in {"", CONNECTING}
        self.reason = f"{self._settings.kind}: {reason}"
        if is_news:
            self._show_connected(False)
            broker, source = self._settings.kind.value, self._settings.source
            _LOG.warning("broker_disconnected", broker=broker, source=source, reason=reason)


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_LONGEST_REASON]


@asynccontextmanager
async def _answer_within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise BrokerError(f"No answer within {seconds:.0f} s.") from error


async def _close(link: Link) -> None:
    """Ends a connection; what does not end in time is left to the sweep."""
    closing = asyncio.create_task(link.close())
    await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
    if closing.done() and not closing.cancelled():
        closing.exception()  # looked at: how a connection ends badly is of no use to anybody


async def _sweep(kept: "asyncio.Task[bool]") -> None:
    """Ends what a client left running, and every message that is still held."""
    left = asyncio.all_tasks() - {asyncio.current_task(), kept}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_CLOSE_SECONDS)
