"""The life of the cluster's scheduler, set up so that it repeats nothing and shows nothing."""

import asyncio
import signal
from collections.abc import Callable

import structlog

from tflited.domain.cluster import SchedulerSettings, address_fault, split_address
from tflited.errors import CannotStartError
from tflited.workers.cluster.setting_up import security, set_up

_LOG = structlog.get_logger()


def run(settings: SchedulerSettings, tell: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT.

    Args:
        settings: where.
        tell: told once, with its address, when it serves.

    Raises:
        CannotStartError: others could reach it without certificates, or the address is not free.
    """
    fault = address_fault(settings.listen, has_tls=settings.tls is not None)
    if fault:
        raise CannotStartError(
            f"The address to listen at: observed {settings.listen!r}, allowed {fault}.",
            hint="docs/scaling.md shows how to make certificates",
        )
    set_up()
    asyncio.run(_serve(settings, tell))


async def _serve(settings: SchedulerSettings, tell: Callable[[str], None]) -> None:
    from distributed import Scheduler

    address = split_address(settings.listen)
    if address is None:
        return
    scheduler = Scheduler(
        host=address.host.strip("[]"),
        port=address.port,
        protocol=f"{address.scheme}://",
        security=security(settings.tls),
        worker_ttl=settings.worker_ttl_seconds,
        allowed_failures=0,
        dashboard=False,
        dashboard_address="127.0.0.1:0",
    )
    try:
        await scheduler
    except (OSError, RuntimeError) as error:
        raise CannotStartError(
            f"{settings.listen}: {error}.", hint="choose another address or port"
        ) from error
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    _LOG.info("scheduler_started", address=scheduler.address)
    tell(scheduler.address)
    await ending.wait()
    await scheduler.close(reason="stopped")
    _LOG.info("scheduler_stopped")
