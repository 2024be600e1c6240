"""The composition root of a cluster's other machines: one worker, or the scheduler."""

from tflited import toolchain
from tflited.clock import SystemClock
from tflited.domain.cluster import SchedulerSettings, WorkerSettings
from tflited.engine.proving import ProvingExecutor
from tflited.telemetry.notify import Notifier
from tflited.workers.cluster import scheduler
from tflited.workers.cluster.worker import WorkerLife, check, owned
from tflited.workers.local import LocalExecutor

_STOP_SECONDS = 10.0


def work(settings: WorkerSettings) -> None:
    """Runs a worker until SIGTERM: warm first, then joined to the scheduler.

    Args:
        settings: how it takes part.

    Raises:
        CannotStartError: its directory is in use or cannot be written, the address may not be used
            without certificates, or Dask is not installed.
    """
    check(settings)
    notifier = Notifier.from_environment()
    with owned(settings.directory):
        children = LocalExecutor()
        life = WorkerLife(
            settings,
            ProvingExecutor(children, SystemClock()),
            versions=toolchain.versions(),
            threads=max(1, toolchain.processors() // settings.slots),
            tell=notifier.ready,
        )
        children.start()
        try:
            life.run()
        finally:
            notifier.stopping()
            children.stop(_STOP_SECONDS)


def schedule(settings: SchedulerSettings) -> None:
    """Runs the scheduler until SIGTERM.

    Args:
        settings: where it listens.

    Raises:
        CannotStartError: others could reach it without certificates, the address is not free, or
            Dask is not installed.
    """
    notifier = Notifier.from_environment()
    scheduler.run(settings, lambda address: notifier.ready(f"serving at {address}"))
    notifier.stopping()
