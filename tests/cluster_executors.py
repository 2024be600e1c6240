"""A ``DaskExecutor`` over a real scheduler and workers, without a daemon around it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clusters import START_SECONDS, Cluster
from tflited import toolchain
from tflited.clock import SystemClock
from tflited.domain.attempt import AttemptRequest
from tflited.domain.cluster import ClusterSettings, ClusterState, TlsFiles
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.workers.cluster.executor import DaskExecutor
from waiting import wait_until

STOP_SECONDS: Final = 20.0


def an_executor(
    cluster: Cluster, folder: Path, states: list[ClusterState] | None = None, *, ttl: float = 20
) -> DaskExecutor:
    """An executor for a cluster, not started.

    Args:
        cluster: where attempts run.
        folder: for what is delivered.
        states: gets what the executor shows of the cluster.
        ttl: seconds of silence after which a worker's attempts are lost.
    """
    shown: list[ClusterState] = [] if states is None else states
    tls = None
    if cluster.certificates is not None:
        own = cluster.certificates
        tls = TlsFiles(ca=own / "ca.pem", certificate=own / "daemon.pem", key=own / "daemon.key")
    settings = ClusterSettings(
        scheduler=cluster.address,
        tls=tls,
        worker_ttl_seconds=ttl,
        attempt_memory_bytes=1,
        data_listen="127.0.0.1:0",
        share_paths=False,
    )
    return DaskExecutor(
        settings,
        versions=toolchain.versions(),
        staging=folder / "delivered",
        clock=SystemClock(),
        show=shown.append,
    )


@contextmanager
def running_executor(cluster: Cluster, folder: Path, *, ttl: float = 20) -> Iterator[DaskExecutor]:
    """A started executor that has a worker to send attempts to; stopped at the end."""
    made = an_executor(cluster, folder, ttl=ttl)
    made.start()
    try:
        wait_until(lambda: made.is_ready, START_SECONDS, what="an accepted worker")
        yield made
    finally:
        made.stop(STOP_SECONDS)


def a_request(folder: Path, stem: str, attempt: str = "1.1") -> AttemptRequest:
    """An attempt at a model of one byte; the stem says what ``fakes.entries`` makes of it.

    Args:
        folder: gets the model and the scratch folder.
        stem: the behaviour.
        attempt: its name.
    """
    model, scratch = folder / "model.keras", folder / "work"
    model.write_bytes(b"1")
    scratch.mkdir(exist_ok=True)
    return AttemptRequest(
        attempt=attempt,
        kind=ModelKind.KERAS,
        model=str(model),
        stem=stem,
        scratch=str(scratch),
        policy=Policy(),
    )
