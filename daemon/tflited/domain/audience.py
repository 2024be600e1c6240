"""Who is told what the engine did, as Protocols: the operator's hooks, and the metrics.

Nobody here is asked for anything, and none of them can fail a build.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from tflited.domain.attempt import AttemptOutcome
from tflited.domain.job import Failure, Job, TriggerSource
from tflited.domain.observation import RootObservation
from tflited.domain.policy import Hooks
from tflited.domain.ports import Published, StoreCounts
from tflited.domain.report import BuildReport, Stage
from tflited.errors import Refusal


class HookRunner(Protocol):
    """Runs what the operator wants told; never fails a build."""

    def published(self, hooks: Hooks, job: Job, published: Published) -> None:
        """After publication."""
        ...

    def failed(self, hooks: Hooks, job: Job, failure: Failure) -> None:
        """After a failure that is final for its build key."""
        ...


class ChildRecorder(Protocol):
    """What the workers tell the metrics, from any thread."""

    def child_ended(self, outcome: AttemptOutcome) -> None:
        """A child ended; an attempt has two or more."""
        ...

    def zygote_started(self, seconds: float, *, is_ready: bool) -> None:
        """A zygote was ready, or ended before it was, after so many seconds."""
        ...


class Recorder(Protocol):
    """What the engine tells the metrics; labels are closed sets."""

    def job_accepted(self, job: Job) -> None:
        """A job entered the queue."""
        ...

    def job_finished(self, job: Job, seconds: float) -> None:
        """A job reached a final state, so many seconds after its claim."""
        ...

    def attempt_finished(self, job: Job, outcome: AttemptOutcome, *, will_retry: bool) -> None:
        """An attempt at a job ended."""
        ...

    def set_published(self, job: Job, report: BuildReport) -> None:
        """The set of a job is in the output tree."""
        ...

    def stage_finished(self, job: Job, stage: Stage, seconds: float) -> None:
        """A stage of the daemon's own took so long for a job."""
        ...

    def trigger_received(self, source: TriggerSource, refusal: Refusal | None) -> None:
        """A trigger was refused for a reason, or accepted for None."""
        ...

    def root_observed(self, seen: RootObservation) -> None:
        """A root, or a part of it, was looked at, or could not be."""
        ...

    def queue_changed(self, counts: StoreCounts, *, running: int) -> None:
        """The queue has these counts now."""
        ...

    def models_changed(
        self, root: str, by_phase: Mapping[str, int], oldest_unbuilt: datetime | None
    ) -> None:
        """A root's models are in these phases now, and its oldest change not built is so old."""
        ...

    def removals_waiting(self, root: str, models: int) -> None:
        """So many sets of a root wait for ``tflited confirm``."""
        ...

    def reloaded(self, *, is_successful: bool, now: datetime) -> None:
        """The configuration was read again."""
        ...
