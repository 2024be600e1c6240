"""Every metric of the daemon: declared here alone, in base units, with closed sets of labels.

Owns its registry; only the supervisor has one. docs/metrics.md tells each metric's meaning.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import product
from typing import Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.cluster import ClusterState
from tflited.domain.job import ACTIVE, Job, JobState, TriggerSource
from tflited.domain.policy import Variant
from tflited.domain.ports import StoreCounts
from tflited.domain.report import BuildReport, Stage, VariantState
from tflited.domain.sandbox import SandboxLevel
from tflited.domain.status import Phase

OTHER: Final = "other"
"""The label value for what is outside a closed set."""

REASONS: Final = (
    # The daemon's own codes, from errors.py.
    "backup", "baseline_mismatch", "broker", "cannot_start", "configuration", "conversion",
    "daemon_unreachable", "internal", "output", "over_capacity", "refused", "replaced",
    "sandbox_refused", "source_changed", "storage_failed", "storage_paused", "store",
    "store_corrupt", "transfer", "transfer_ended", "transfer_full", "transfer_refused",
    "trigger_refused", "usage", "worker",
    # How an attempt may end without a report; then what convert/preflight/ refuses to open.
    "bad_reply", "cancelled", "crash", "engine_lost", "native_abort",
    "out_of_memory", "worker_lost",
    "cpu_limit", "memory_limit", "model_limit", "output_limit", "scratch_limit", "wall_limit",
    "refused_archive", "refused_module", "refused_operator", "refused_storage", "absurd_size",
    # The converter's codes, from convert/faults/hints.py and its neighbours.
    "calibration_incomplete", "calibration_source", "calibration_type", "control_flow_v1",
    "custom_objects", "custom_objects_module", "damaged_file", "data", "given_up", "hub",
    "hub_layer", "input_shape", "integer_io", "invalid_flatbuffer", "keras2_file", "keras3_file",
    "kernel_type", "lambda_code", "lambda_layer", "missing_custom_op", "needs_calibration",
    "needs_custom_ops", "needs_select_ops", "no_int16x8_kernel", "no_signature", "no_variant",
    "not_keras", "not_runnable_here", "output_shape", "python_function", "quantiser", "save_spec",
    "signature_lost", "signatures", "stateful_call", "tags", "tensor_list_dynamic", "too_large",
    "torn", "trained_for_int8", "type_inference", "unknown_rank", "weights_only", OTHER,
)  # fmt: skip
"""Every value of the label ``reason``; a failure code that is not here counts as ``other``."""

# Measured: a conversion takes 0.3-0.7 s, importing TensorFlow 6-12 s, large models minutes.
SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
RSS_BYTES: Final = tuple(2.0**power for power in range(28, 35))
SIZE_BYTES: Final = tuple(2.0**power for power in range(10, 31, 2))

Metric = TypeVar("Metric", Counter, Gauge, Histogram)

_ENDED: Final = tuple(state for state in JobState if state not in ACTIVE)


class Metrics:
    """The daemon's metrics; implements the Recorder port, from any thread.

    Args:
        roots: names of the configured roots.
        version: the daemon's own version.
        toolchain: what converts, by name, to its version; labels of ``tflited_build_info``.
        slots: how many attempts may run at once.
    """

    def __init__(
        self, *, roots: Sequence[str], version: str, toolchain: Mapping[str, str], slots: int
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._declare_daemon(version, toolchain, slots)
        self._declare_jobs()
        self._declare_builds()
        self._declare_hub()
        self._declare_roots(roots)

    def _declare_daemon(self, version: str, toolchain: Mapping[str, str], slots: int) -> None:
        gauge, counter = self._makers()
        versions = {"version": version} | {
            re.sub(r"\W", "_", name) + "_version": value for name, value in toolchain.items()
        }
        build = gauge("tflited_build_info", "Versions in use; always 1.", tuple(versions))
        build.labels(**versions).set(1)
        self._ready = gauge("tflited_ready", "1 while the daemon accepts work.")
        gauge("tflited_slots", "Attempts that may run at once.").set(slots)
        self._broker = gauge("tflited_broker_connected", "1 while the broker is connected.")
        self._cluster = gauge("tflited_cluster_connected", "1 while the scheduler answers.")
        self._workers = _fill(
            gauge("tflited_cluster_workers", "Workers of the cluster.", ("result",)),
            ("accepted", "refused"),
        )
        self._worker_slots = gauge("tflited_cluster_slots", "Slots of the accepted workers.")
        self._output_free = gauge("tflited_output_free_bytes", "Room in the output tree.")
        self._set_aside = gauge("tflited_stores_set_aside", "Damaged job stores that are kept.")
        self._reloads = _fill(
            counter("tflited_config_reloads", "Configuration reloads.", ("result",)),
            ("success", "failure"),
        )
        self._reload_ok = gauge(
            "tflited_config_last_reload_successful", "1 while the newest configuration holds."
        )
        self._reload_ok.set(1)
        self._reload_at = gauge(
            "tflited_config_last_reload_success_timestamp_seconds", "When a reload last worked."
        )

    def _declare_jobs(self) -> None:
        gauge, counter = self._makers()
        histogram = partial(self._make, Histogram, buckets=SECONDS)
        self._depth = gauge("tflited_queue_depth", "Jobs that wait.")
        self._oldest = gauge(
            "tflited_queue_oldest_job_timestamp_seconds", "When the oldest waiting job was queued."
        )
        self._running = gauge("tflited_jobs_running", "Attempts under way.")
        self._stored = _fill(
            gauge("tflited_jobs_stored", "Jobs in the store by state.", ("result",)), JobState
        )
        self._triggers = _fill(
            counter("tflited_triggers", "Triggers received.", ("trigger", "result")),
            TriggerSource,
            ("accepted", "refused"),
        )
        self._accepted = _fill(
            counter("tflited_jobs_accepted", "Jobs that entered the queue.", ("trigger",)),
            TriggerSource,
        )
        self._jobs = _fill(
            counter("tflited_jobs", "Jobs that ended.", ("trigger", "result")),
            TriggerSource,
            _ENDED,
        )
        self._failures = _fill(
            counter("tflited_job_failures", "Jobs that failed or died.", ("reason",)), REASONS
        )
        self._job_seconds = _fill(
            histogram("tflited_job_duration_seconds", "From claim to end.", ("result",)), _ENDED
        )
        self._wait_seconds = _fill(
            histogram("tflited_job_queue_wait_seconds", "From queued to claim.", ("trigger",)),
            TriggerSource,
        )

    def _declare_builds(self) -> None:
        gauge, counter = self._makers()
        seconds = partial(self._make, Histogram, buckets=SECONDS)
        self._attempts = _fill(
            counter("tflited_attempts", "Attempts that ended.", ("result",)), AttemptResult
        )
        self._sandboxes = _fill(
            counter("tflited_attempt_sandboxes", "Attempts by what held.", ("result",)),
            SandboxLevel,
        )
        self._attempt_failures = _fill(
            counter("tflited_attempt_failures", "Attempts that failed.", ("reason",)), REASONS
        )
        self._retries = counter("tflited_attempt_retries", "Attempts that will be repeated.")
        self._rss = self._make(
            Histogram, "tflited_attempt_peak_rss_bytes", "A child's peak.", buckets=RSS_BYTES
        )
        self._stages = _fill(
            seconds("tflited_stage_duration_seconds", "Time in a stage.", ("stage",)), Stage
        )
        self._sets = counter("tflited_sets_published", "Sets put into the output tree.")
        self._published_at = gauge(
            "tflited_last_published_timestamp_seconds", "When a job last published."
        )
        self._variants = _fill(
            counter("tflited_variants", "Variants by proof.", ("variant", "result")),
            Variant,
            VariantState,
        )
        self._variant_seconds = _fill(
            seconds("tflited_variant_duration_seconds", "Time for one variant.", ("variant",)),
            Variant,
        )
        self._artifact_bytes = _fill(
            self._make(
                Histogram,
                "tflited_artifact_size_bytes",
                "Size of .tflite files.",
                ("variant",),
                buckets=SIZE_BYTES,
            ),
            Variant,
        )

    def _declare_hub(self) -> None:
        seconds = partial(self._make, Histogram, buckets=SECONDS)
        self._fetches = _fill(
            seconds("tflited_hub_fetch_duration_seconds", "Time of a Hub fetch.", ("result",)),
            ("success", "failure"),
        )

    def hub_fetched(self, seconds: float, *, is_successful: bool) -> None:
        """A Hub module came, or could not be had, after so many seconds."""
        result = "success" if is_successful else "failure"
        self._fetches.labels(result=result).observe(seconds)

    def _declare_roots(self, roots: Sequence[str]) -> None:
        gauge, counter = self._makers()
        self._available = gauge("tflited_root_available", "1 while readable.", ("root",))
        self._scan_at = gauge("tflited_scan_last_timestamp_seconds", "Last whole scan.", ("root",))
        self._unwatched = gauge(
            "tflited_directories_unwatched", "Directories that raise no events.", ("root",)
        )
        self._missed = counter("tflited_events_missed", "Changes without an event.", ("root",))
        self._scan_models = gauge("tflited_scan_models", "Models the last scan saw.", ("root",))
        self._scan_seconds = self._make(
            Histogram,
            "tflited_scan_duration_seconds",
            "Time for a whole scan.",
            ("root",),
            buckets=SECONDS,
        )
        self._removals = gauge(
            "tflited_removals_waiting", "Sets that wait for tflited confirm.", ("root",)
        )
        self._models = gauge("tflited_models", "Models by phase.", ("root", "result"))
        self._roots: frozenset[str] = frozenset()
        self.set_roots(roots)

    def _make(
        self,
        kind: Callable[..., Metric],
        name: str,
        text: str,
        labels: Sequence[str] = (),
        **options: Sequence[float],
    ) -> Metric:
        return kind(name, text, labels, registry=self.registry, **options)

    def _makers(self) -> tuple[Callable[..., Gauge], Callable[..., Counter]]:
        return partial(self._make, Gauge), partial(self._make, Counter)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its content type.

        Args:
            accept: the request's ``Accept`` header; OpenMetrics, which carries exemplars, only
                where it asks for it.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def set_ready(self, *, is_ready: bool) -> None:
        """Tells whether the daemon accepts work."""
        self._ready.set(is_ready)

    def set_roots(self, roots: Iterable[str]) -> None:
        """Tells which roots are configured: new ones start at zero, others leave the exposition.

        Args:
            roots: the names of all of them.
        """
        names = frozenset(roots)
        by_root = (
            self._available,
            self._scan_at,
            self._scan_models,
            self._scan_seconds,
            self._removals,
            self._unwatched,
            self._missed,
        )
        for name in self._roots - names:
            for metric in by_root:
                metric.remove(name)
            for phase in Phase:
                self._models.remove(name, phase)
        for name in names - self._roots:
            for metric in by_root:
                metric.labels(name)
            _fill(self._models, [name], Phase)
        self._roots = names

    def show_output_free(self, free_bytes: Callable[[], float]) -> None:
        """Tells whom each exposition asks for the room in the output tree.

        Args:
            free_bytes: answers at once, without a look at the disk; NaN where it is not known.
        """
        self._output_free.set_function(free_bytes)

    def show_stores_set_aside(self, count: Callable[[], float]) -> None:
        """Gives what counts the damaged job stores in the state folder."""
        self._set_aside.set_function(count)

    def broker_connected(self, is_connected: bool) -> None:  # noqa: FBT001  # a plain callback
        """The message broker came or went."""
        self._broker.set(is_connected)

    def cluster_changed(self, state: ClusterState) -> None:
        """The cluster was looked at, or lost."""
        self._cluster.set(state.is_connected)
        self._workers.labels(result="accepted").set(state.accepted)
        self._workers.labels(result="refused").set(state.refused)
        self._worker_slots.set(state.slots)

    def job_accepted(self, job: Job) -> None:
        """A job entered the queue."""
        self._accepted.labels(job.trigger).inc()

    def job_finished(self, job: Job, seconds: float) -> None:
        """A job reached a final state, so many seconds after its claim."""
        self._jobs.labels(job.trigger, job.state).inc()
        self._job_seconds.labels(job.state).observe(seconds, {"job_id": str(job.id)})
        if job.state in {JobState.FAILED, JobState.DEAD}:
            self._failures.labels(_reason(job.failure.code if job.failure else OTHER)).inc()
        if job.state is JobState.PUBLISHED and job.finished_at:
            self._published_at.set(job.finished_at.timestamp())
        # A later claim's wait would count the earlier attempts as waiting.
        if job.attempts == 1 and job.started_at:
            wait = (job.started_at - job.created_at).total_seconds()
            self._wait_seconds.labels(job.trigger).observe(max(0.0, wait))

    def attempt_finished(self, outcome: AttemptOutcome, *, will_retry: bool) -> None:
        """An attempt ended."""
        self._attempts.labels(outcome.result).inc()
        if outcome.sandbox:
            self._sandboxes.labels(outcome.sandbox).inc()
        if outcome.failure:
            self._attempt_failures.labels(_reason(outcome.failure.code)).inc()
        if will_retry:
            self._retries.inc()
        if outcome.peak_rss_bytes:
            self._rss.observe(outcome.peak_rss_bytes)
        for stage, seconds in outcome.stage_seconds.items():
            # Names come from a child; only the closed set may become label values.
            if stage in set(Stage):
                self._stages.labels(stage).observe(seconds)

    def set_published(self, report: BuildReport) -> None:
        """A set is in the output tree."""
        self._sets.inc()
        for variant in report.variants:
            self._variants.labels(variant.variant, variant.state).inc()
            self._variant_seconds.labels(variant.variant).observe(variant.seconds)
            for file in variant.files:
                if file.path.endswith(".tflite"):
                    self._artifact_bytes.labels(variant.variant).observe(file.size_bytes)

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """A stage of the daemon's own took so long."""
        self._stages.labels(stage).observe(seconds)

    def trigger_received(self, source: TriggerSource, *, is_accepted: bool) -> None:
        """A trigger was accepted or refused."""
        self._triggers.labels(source, "accepted" if is_accepted else "refused").inc()

    def scanned(self, root: str, *, models: int, seconds: float, now: datetime) -> None:
        """A whole root was scanned."""
        self._scan_models.labels(root).set(models)
        self._scan_seconds.labels(root).observe(seconds)
        self._scan_at.labels(root).set(now.timestamp())

    def root_available(self, root: str, *, is_available: bool) -> None:
        """A root can or cannot be read."""
        self._available.labels(root).set(is_available)

    def watched(self, root: str, *, unwatched: int, missed: int) -> None:
        """So many directories of a root raise no events; so many changes came without one."""
        self._unwatched.labels(root).set(unwatched)
        self._missed.labels(root).inc(missed)

    def queue_changed(self, counts: StoreCounts, *, running: int) -> None:
        """The queue has these counts now."""
        for state in JobState:
            self._stored.labels(state).set(counts.by_state.get(state, 0))
        self._depth.set(counts.by_state.get(JobState.QUEUED, 0))
        oldest = counts.oldest_queued_at
        self._oldest.set(oldest.timestamp() if oldest else 0)
        self._running.set(running)

    def models_changed(self, root: str, by_phase: Mapping[str, int]) -> None:
        """A root's models are in these phases now."""
        for phase in Phase:
            self._models.labels(root, phase).set(by_phase.get(phase, 0))

    def removals_waiting(self, root: str, models: int) -> None:
        """So many sets of a root wait for ``tflited confirm``."""
        self._removals.labels(root).set(models)

    def reloaded(self, *, is_successful: bool, now: datetime) -> None:
        """The configuration was read again."""
        self._reloads.labels("success" if is_successful else "failure").inc()
        self._reload_ok.set(is_successful)
        if is_successful:
            self._reload_at.set(now.timestamp())


def _fill(metric: Metric, *values: Iterable[str]) -> Metric:
    """Creates every combination of label values, so that each is there at zero."""
    for combination in product(*(tuple(group) for group in values)):
        metric.labels(*combination)
    return metric


def _reason(code: str) -> str:
    return code if code in REASONS else OTHER
