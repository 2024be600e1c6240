"""All metrics together: owns the one registry, renders it, and is the engine's Recorder.

Only the supervisor has a registry. docs/metrics.md tells each metric's meaning.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import ALLOWUTF8, UNDERSCORES

from tflited.domain.attempt import AttemptOutcome
from tflited.domain.job import Job, TriggerSource
from tflited.domain.observation import RootObservation
from tflited.domain.ports import StoreCounts
from tflited.domain.report import BuildReport, Stage
from tflited.errors import Refusal
from tflited.telemetry.metrics.attempts import AttemptMetrics
from tflited.telemetry.metrics.cluster import ClusterMetrics
from tflited.telemetry.metrics.daemon import DaemonMetrics
from tflited.telemetry.metrics.declare import Declare
from tflited.telemetry.metrics.http import HttpMetrics
from tflited.telemetry.metrics.hub import HubMetrics
from tflited.telemetry.metrics.jobs import JobMetrics
from tflited.telemetry.metrics.roots import RootMetrics
from tflited.telemetry.metrics.variants import VariantMetrics
from tflited.telemetry.metrics.workers import WorkerMetrics


class Metrics:
    """The daemon's metrics by subject; implements the Recorder port, from any thread.

    Args:
        roots: names of the configured roots.
        version: the daemon's own version.
        toolchain: what converts, by name, to its version.
        slots: how many attempts may run at once.
        queue_capacity: active jobs from which on triggers are held off.
    """

    def __init__(
        self,
        *,
        roots: Sequence[str],
        version: str,
        toolchain: Mapping[str, str],
        slots: int,
        queue_capacity: int,
    ) -> None:
        # A fifth of the exposition, which nobody reads: when each series began.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the client types it not
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        declare = Declare(self.registry)
        self.daemon = DaemonMetrics(declare, version=version, toolchain=toolchain)
        self.jobs = JobMetrics(declare, queue_capacity)
        self.workers = WorkerMetrics(declare, slots)
        self.attempts = AttemptMetrics(declare)
        self.variants = VariantMetrics(declare)
        self.hub = HubMetrics(declare)
        self.http = HttpMetrics(declare)
        self.cluster = ClusterMetrics(declare)
        self.roots = RootMetrics(declare, roots)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its content type.

        Args:
            accept: the request's ``Accept`` header; OpenMetrics, which carries exemplars, only
                where it asks for it.
        """
        encode, content_type = choose_encoder(accept)
        if content_type.endswith(UNDERSCORES):
            # No name here needs escaping, and the client looks for that letter by letter.
            quick = partial(encode, escaping=ALLOWUTF8)  # type: ignore[call-arg]  # typed too narrow
            return quick(self.registry), content_type
        return encode(self.registry), content_type

    def job_accepted(self, job: Job) -> None:
        """A job entered the queue."""
        self.jobs.accepted(job)

    def job_finished(self, job: Job, seconds: float) -> None:
        """A job reached a final state, so many seconds after its claim."""
        self.jobs.finished(job, seconds)

    def attempt_finished(self, job: Job, outcome: AttemptOutcome, *, will_retry: bool) -> None:
        """An attempt at a job ended."""
        self.attempts.finished(job, outcome, will_retry=will_retry)

    def set_published(self, job: Job, report: BuildReport) -> None:
        """The set of a job is in the output tree."""
        self.variants.published(job, report)

    def stage_finished(self, job: Job, stage: Stage, seconds: float) -> None:
        """A stage of the daemon's own took so long for a job."""
        self.attempts.stage_finished(job, stage, seconds)

    def trigger_received(self, source: TriggerSource, refusal: Refusal | None) -> None:
        """A trigger was refused for a reason, or accepted for None."""
        self.jobs.trigger_received(source, refusal)

    def root_observed(self, seen: RootObservation) -> None:
        """A root, or a part of it, was looked at, or could not be."""
        self.roots.observed(seen)

    def queue_changed(self, counts: StoreCounts, *, running: int) -> None:
        """The queue has these counts now."""
        self.jobs.queue_changed(counts, running=running)

    def models_changed(
        self, root: str, by_phase: Mapping[str, int], oldest_unbuilt: datetime | None
    ) -> None:
        """A root's models are in these phases now, and its oldest change not built is so old."""
        self.roots.models_changed(root, by_phase, oldest_unbuilt)

    def removals_waiting(self, root: str, models: int) -> None:
        """So many sets of a root wait for ``tflited confirm``."""
        self.roots.removals_waiting(root, models)

    def reloaded(self, *, is_successful: bool, now: datetime) -> None:
        """The configuration was read again."""
        self.daemon.reloaded(is_successful=is_successful, now=now)
