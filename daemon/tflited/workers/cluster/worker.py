"""The life of one worker: warm first, joined to a scheduler as long as there is one, drained."""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from tflited.domain.cluster import WorkerSettings, address_fault, split_address
from tflited.domain.ports import Executor
from tflited.errors import CannotStartError
from tflited.workers.cluster.messages import PROTOCOL, Description
from tflited.workers.cluster.roster import MEMORY, METRIC, SLOT
from tflited.workers.cluster.setting_up import engine_version, security, set_up
from tflited.workers.cluster.workshop import Beats, Workshop, swept
from tflited.workers.transfer.carrier import Carrier

if TYPE_CHECKING:
    from distributed import Worker

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 15.0
JOIN_SECONDS: Final = 20.0
LAST_ANSWERS_SECONDS: Final = 5.0
"""How long answers may take to be fetched before the worker is gone."""
_POLL_SECONDS: Final = 0.05
_CLOSE_SECONDS: Final = 5.0
_LOG = structlog.get_logger()


def check(settings: WorkerSettings) -> None:
    """Refuses what would let others run code here.

    Raises:
        CannotStartError: an address that other machines reach, and no certificates.
    """
    fault = address_fault(settings.scheduler, has_tls=settings.tls is not None)
    if fault:
        raise CannotStartError(
            f"The scheduler's address: observed {settings.scheduler!r}, allowed {fault}.",
            hint="docs/scaling.md shows how to make certificates",
        )


@contextlib.contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Holds a worker's directory for this process alone.

    Raises:
        CannotStartError: it cannot be made, or another worker has it.
    """
    with ExitStack() as stack:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStartError(
                f"{directory} is in use by another worker.", hint="give each one a directory"
            ) from error
        except OSError as error:
            raise CannotStartError(
                f"{directory}: {error.strerror}.", hint="make it writable for the worker's user"
            ) from error
        yield


class WorkerLife:
    """Runs one worker until SIGTERM.

    Args:
        settings: how it takes part.
        executor: converts and proves; ready before the worker takes jobs.
        versions: the toolchain here.
        threads: processor threads of each child.
        tell: told in a sentence how things stand, whenever that changes.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        executor: Executor,
        *,
        versions: dict[str, str],
        threads: int,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._executor = executor
        self._tell = tell
        self._terms = 0
        self._is_looking = False
        self._term = asyncio.Event()
        self._description = Description(
            protocol=PROTOCOL,
            name=settings.name,
            versions={**versions, "distributed": engine_version()},
            slots=settings.slots,
            memory_bytes=settings.memory_bytes,
        ).encode()
        self._workshop = Workshop(
            name=settings.name,
            executor=executor,
            carrier=Carrier(
                cache=settings.directory / "cache",
                cache_bytes=settings.cache_bytes,
                tls=settings.tls,
            ),
            directory=swept(settings.directory),
            threads=threads,
        )

    def run(self) -> None:
        """Runs it in this thread; returns after SIGTERM or SIGINT, once it has drained."""
        set_up()
        beats = Beats(self._workshop)
        beats.start()
        try:
            asyncio.run(self._live())
        finally:
            beats.stop()

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_term)
        while not self._executor.is_ready and not self._term.is_set():
            await self._pause(_POLL_SECONDS)
        delay = FIRST_DELAY_SECONDS
        while not self._term.is_set():
            delay = FIRST_DELAY_SECONDS if await self._joined() else delay
            if not self._term.is_set():
                await self._pause(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    def _on_term(self) -> None:
        self._terms += 1
        self._term.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._term.wait(), seconds)

    async def _joined(self) -> bool:
        """One membership from its beginning to its end; tells whether it began."""
        scheduler = self._settings.scheduler
        worker = self._make()
        try:
            await asyncio.wait_for(_started(worker), JOIN_SECONDS)
        except (OSError, RuntimeError, TimeoutError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            if not self._is_looking:
                _LOG.warning("scheduler_unreachable", scheduler=scheduler, reason=reason[:300])
            self._is_looking = True
            self._tell(f"looking for {scheduler}")
            await self._close(worker)
            return False
        self._is_looking = False
        _LOG.info("scheduler_joined", scheduler=scheduler, address=worker.address)
        self._tell(f"at work for {scheduler}")
        term = asyncio.ensure_future(self._term.wait())
        over = asyncio.ensure_future(worker.finished())
        await asyncio.wait({term, over}, return_when=asyncio.FIRST_COMPLETED)
        if self._term.is_set() and not over.done():
            await self._drain(worker)
        else:
            _LOG.warning("scheduler_lost", scheduler=scheduler)
            self._tell(f"lost {scheduler}")
        term.cancel()
        await self._close(worker)
        over.cancel()
        return True

    def _make(self) -> "Worker":
        from distributed import Worker

        from tflited.workers.cluster.plugin import Plugin

        settings = self._settings
        host = settings.host or None
        address = split_address(settings.scheduler)
        if settings.tls is None and address is not None:
            host = address.host.strip("[]")  # nobody else may reach it
        return Worker(
            settings.scheduler,
            nthreads=settings.slots,
            resources={SLOT: settings.slots, MEMORY: settings.memory_bytes},
            name=settings.name,
            host=host,
            port=settings.port or None,
            security=security(settings.tls),
            memory_limit=0,
            local_directory=str(settings.directory),
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            plugins=(Plugin(self._workshop),),
            metrics={METRIC: self._described},
        )

    async def _described(self, _: object) -> str:
        return self._description

    async def _drain(self, worker: "Worker") -> None:
        """Takes no more attempts, lets those under way end, and has their answers fetched."""
        from distributed.core import Status

        worker.status = Status.paused
        self._tell("draining")
        await self._until(
            lambda: not self._workshop.running or self._terms > 1, self._settings.drain_seconds
        )
        self._workshop.give_up()
        # What was answered is lost with this process unless somebody has fetched it.
        await self._until(lambda: not worker.state.tasks, LAST_ANSWERS_SECONDS)

    async def _until(self, is_over: Callable[[], bool], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not is_over() and loop.time() < deadline:  # noqa: ASYNC110  # no event tells it
            await asyncio.sleep(_POLL_SECONDS)

    async def _close(self, worker: "Worker") -> None:
        self._workshop.give_up()
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            await asyncio.wait_for(worker.close(timeout=_CLOSE_SECONDS), 2 * _CLOSE_SECONDS)


async def _started(worker: "Worker") -> None:
    await worker
