"""The Executor over a Dask cluster: each attempt is one task, of which the daemon keeps the fate.

The job store stays the only queue: an attempt is sent when a worker has room for it, and whatever
becomes of it the store decides on another one.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.cluster import ClusterSettings, ClusterState
from tflited.domain.ports import Clock, Progress
from tflited.domain.status import HealthCheck
from tflited.durable import storage_errors
from tflited.errors import TransferError
from tflited.workers.cluster import ends
from tflited.workers.cluster.follow import Follow
from tflited.workers.cluster.link import Link
from tflited.workers.cluster.messages import Order
from tflited.workers.cluster.places import SET_NAME, named_files
from tflited.workers.cluster.session import Session
from tflited.workers.cluster.setting_up import engine_version
from tflited.workers.transfer.depot import Depot


class DaskExecutor:
    """Runs attempts on the workers of a cluster; any number of threads may call ``run_attempt``.

    Args:
        settings: which cluster.
        versions: the daemon's toolchain; workers with another one are refused.
        staging: where delivered sets lie until they are taken; on the file system of the scratch
            folders.
        clock: time.
        show: told whenever the cluster was looked at, and when it is lost.

    Raises:
        CannotStartError: Dask is not installed.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        *,
        versions: Mapping[str, str],
        staging: Path,
        clock: Clock,
        show: Callable[[ClusterState], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._depot = Depot(
            listen=settings.data_listen,
            tls=settings.tls,
            staging=staging,
            shares_paths=settings.share_paths,
        )
        versions = {**versions, "distributed": engine_version()}
        self._link = Link(settings, versions, clock, show)
        self._lock = Lock()
        self._under_way = 0

    @property
    def is_ready(self) -> bool:
        """Whether a worker has room for another attempt of this daemon's."""
        session = self._link.session
        if session is None:
            return False
        with self._lock:
            return self._under_way < sum(member.slots for member in session.accepted)

    def start(self) -> None:
        """Opens the data listener and looks for the scheduler, in a thread.

        Raises:
            CannotStartError: the listener's address cannot be had.
        """
        self._depot.start()
        self._link.start()

    def stop(self, deadline_seconds: float) -> None:
        """Leaves the cluster; attempts that still run return as lost and end on their workers."""
        self._link.stop(deadline_seconds)
        self._depot.stop(deadline_seconds)

    def checks(self) -> tuple[HealthCheck, ...]:
        """Whether the cluster can build; the daemon accepts work without it, and keeps it."""
        return (
            HealthCheck(
                name="cluster", is_ok=not self.reason, reason=self.reason, is_required=False
            ),
            *self._refusals(),
        )

    @property
    def reason(self) -> str:
        """Why nothing can be built now; empty where something can."""
        session = self._link.session
        if session is None:
            return self._link.reason or "the connection was lost"
        if session.accepted:
            return ""
        return "every worker is refused" if session.members else "there is no worker"

    def _refusals(self) -> tuple[HealthCheck, ...]:
        session = self._link.session
        refused = [member for member in session.members if member.refusal] if session else []
        reason = "; ".join(f"{member.name}: {member.refusal}" for member in refused)
        if not reason:
            return ()
        return (HealthCheck(name="workers", is_ok=False, reason=reason, is_required=False),)

    def run_attempt(
        self, request: AttemptRequest, limits: AttemptLimits, progress: Progress, cancel: Event
    ) -> AttemptOutcome:
        """Has a worker build one set, and blocks until its fate is known.

        Args:
            request: what to build; a set that is delivered is put into its scratch folder.
            limits: of each child.
            progress: told about stages as they begin, from the calling thread.
            cancel: when set, the worker kills the attempt, and this returns.
        """
        session = self._link.session
        if session is None or not session.accepted:
            return ends.engine_lost(self.reason or "the connection was lost")
        with self._lock:
            self._under_way += 1
        try:
            return self._run(session, request, limits, progress, cancel)
        finally:
            with self._lock:
                self._under_way -= 1

    def _run(
        self,
        session: Session,
        request: AttemptRequest,
        limits: AttemptLimits,
        progress: Progress,
        cancel: Event,
    ) -> AttemptOutcome:
        offer = self._depot.offer(
            request.attempt,
            named_files(request),
            most_bytes=request.policy.limits.output_bytes or _UNBOUNDED_BYTES,
        )
        try:
            order = Order(
                token=offer.token,
                topic=session.topic,
                request=request,
                wall_seconds=limits.wall_seconds,
                offer=offer.to_json().decode("ascii"),
            )
            follow = Follow(
                session=session,
                order=order,
                progress=progress,
                cancel=cancel,
                clock=self._clock,
                silence_seconds=self._settings.worker_ttl_seconds,
            )
            outcome = follow.outcome()
            if outcome.result is AttemptResult.OK:
                self._take(request)
            return outcome
        finally:
            # From here on nothing that the worker still sends changes anything.
            self._depot.withdraw(request.attempt)

    def _take(self, request: AttemptRequest) -> None:
        """Puts what was delivered where a child on this machine would have left it.

        Raises:
            TransferError: nothing was delivered.
        """
        delivered = self._depot.delivered(request.attempt)
        if delivered is None:
            raise TransferError(
                f"Attempt {request.attempt} was answered, and its set was not delivered.",
                hint="nothing; it is tried again",
            )
        target = Path(request.scratch) / SET_NAME
        with storage_errors(target):
            shutil.rmtree(target, ignore_errors=True)
            os.rename(delivered, target)  # noqa: PTH104 - made again after a crash


_UNBOUNDED_BYTES = 2**50
