"""The engine's view of the world: what it asks of adapters, as Protocols."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Protocol

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest
from tflited.domain.job import Binding, Failure, Job, JobState, NewJob, TriggerSource
from tflited.domain.manifest import Build, Manifest
from tflited.domain.model import Digest, FileIdentity, ModelId, ModelKind
from tflited.domain.policy import Hooks, Policy, ResolvedPolicy
from tflited.domain.report import BuildReport, Stage
from tflited.domain.trigger import Trigger, TriggerReceipt

Progress = Callable[[Stage, str], None]
"""Told when a stage begins, with a detail such as the variant's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A watched directory: its configured name, where it is, and its named policy."""

    name: str
    path: Path
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One calibration or evaluation file as seen now."""

    path: Path
    identity: FileIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A set in the output tree."""

    directory: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCounts:
    """How many jobs the store holds, by state, and since when the oldest waits for a slot."""

    by_state: Mapping[JobState, int] = field(default_factory=dict)
    oldest_queued_at: datetime | None = None


class Clock(Protocol):
    """Time: monotonic for durations, aware UTC for records."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def now(self) -> datetime:
        """The present, aware UTC."""
        ...


class Sources(Protocol):
    """What is on disk: it reports observations by itself; these are the questions beside them."""

    def look_again(self, root: str, path: str) -> None:
        """Asks for a fresh look at one model; returns at once."""
        ...

    def find_model(self, root: Root, path: str) -> ModelKind | None:
        """The kind of the model at exactly that path on disk now; None where there is none.

        Raises:
            OSError: the root cannot be read.
        """
        ...

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of an admitted model and proves that it has the expected digest.

        Returns:
            The copy: a directory or a file below ``destination``.

        Raises:
            SourceChangedError: the model is gone or has another digest by now.
            StoragePausedError: no room for the copy.
        """
        ...

    def find_data(self, pattern: str) -> tuple["DataFile", ...]:
        """Files that match an absolute glob pattern, sorted by path."""
        ...

    def digest_data(self, files: Sequence["DataFile"]) -> Digest:
        """Digest of names and contents, cached by identity."""
        ...


class PolicyResolver(Protocol):
    """Finds the policy in force for a model."""

    def resolve(self, root: Root, path: str) -> ResolvedPolicy:
        """The policy of the model at a path below the root.

        Raises:
            ConfigurationError: a policy file on the way is wrong.
        """
        ...

    def resolve_trigger(self, root: Root, path: str, trigger: Trigger) -> ResolvedPolicy:
        """The policy of a model with a trigger's name and override on top.

        Raises:
            TriggerRefusedError: the trigger names an unknown policy or a wrong key.
            ConfigurationError: a policy file on the way is wrong.
        """
        ...


class JobStore(Protocol):
    """The durable queue. Only the engine's thread writes."""

    def accept(self, job: NewJob, now: datetime) -> Job:
        """Adds a queued job, durable when it returns; supersedes queued jobs of the same model.

        A trigger id seen before returns the job from then and adds nothing.
        """
        ...

    def finish_unchanged(self, job: NewJob, now: datetime) -> Job:
        """Records a trigger that asked for what is published already."""
        ...

    def claim(self, now: datetime) -> Job | None:
        """Takes the next job that may run, raising its attempts by one; None without one.

        A job that waits for something is passed over.
        """
        ...

    def wait(self, job_id: int, reason: str) -> Job:
        """Lets a queued or just claimed job wait until it is bound; the claim was no attempt."""
        ...

    def bind(self, job_id: int, binding: Binding) -> Job:
        """Gives a queued or running job its keys and ends its wait."""
        ...

    def waiting(self) -> Sequence[Job]:
        """Every job that waits for something, oldest first."""
        ...

    def finish(
        self,
        job_id: int,
        state: JobState,
        now: datetime,
        failure: Failure | None = None,
        manifest: Manifest | None = None,
    ) -> Job:
        """Ends a running or queued job in a final state.

        A manifest given with PUBLISHED becomes the record of a build in the same transaction.
        """
        ...

    def requeue(
        self, job_id: int, failure: Failure, not_before: datetime, *, has_died: bool
    ) -> Job:
        """Puts a running job back, to be claimed no sooner than ``not_before``."""
        ...

    def retry(self, job_id: int, now: datetime) -> Job:
        """Queues a failed or dead job again with its counters at zero."""
        ...

    def recover(self) -> Sequence[Job]:
        """At start: puts jobs that were running back into the queue and returns them.

        What queued jobs wait for is forgotten, so that it is looked at anew.
        """
        ...

    def job(self, job_id: int) -> Job | None:
        """One job by its id."""
        ...

    def job_of_trigger(self, trigger_id: str) -> Job | None:
        """The job that answers for a trigger id."""
        ...

    def jobs(
        self, *, states: Sequence[JobState] = (), model: ModelId | None = None, limit: int = 50
    ) -> Sequence[Job]:
        """Jobs, newest first."""
        ...

    def latest(self, model: ModelId) -> Job | None:
        """The newest job of a model that was neither superseded nor cancelled."""
        ...

    def record_receipt(self, receipt: TriggerReceipt, source: TriggerSource) -> None:
        """Keeps what became of a trigger."""
        ...

    def builds(self, model: ModelId, *, limit: int = 50) -> Sequence[Build]:
        """Publications of a model, newest first."""
        ...

    def counts(self) -> StoreCounts:
        """How many jobs there are, by state."""
        ...


class Executor(Protocol):
    """Runs attempts, each in a child of its own."""

    @property
    def is_ready(self) -> bool:
        """Whether a child could start at once."""
        ...

    def run_attempt(
        self, request: AttemptRequest, limits: AttemptLimits, progress: Progress, cancel: Event
    ) -> AttemptOutcome:
        """Runs one attempt and blocks until it ended; never raises for what a child does.

        Args:
            request: what to build.
            limits: what it may use.
            progress: told about stages as they begin, from the calling thread.
            cancel: when set, the child's process group is killed.
        """
        ...


class Publisher(Protocol):
    """The output tree."""

    def publish(
        self, job: Job, policy: Policy, key: "PublishKey", report: BuildReport, scratch: Path
    ) -> Published:
        """Replaces a model's set as one with what the child left below ``scratch/set``.

        Raises:
            OutputError: what the child left is not what it said, or the place is taken.
            StoragePausedError: the output is full or read-only.
            StorageFailedError: an fsync failed.
        """
        ...

    def manifest(self, model: ModelId, save_to: str | None = None) -> Manifest | None:
        """The manifest of a model's present set; None without a readable one."""
        ...

    def directory(self, model: ModelId, save_to: str | None = None) -> Path:
        """Where a model's set is or would be."""
        ...

    def manifests(self) -> Sequence[Manifest]:
        """Every set in the output tree."""
        ...

    def withdraw(self, model: ModelId, *, archive: bool) -> None:
        """Takes a model's set out of the tree, into the archive or for good."""
        ...

    def sweep(self) -> None:
        """At start: removes what an interrupted publication left behind."""
        ...

    def check_writable(self) -> str:
        """Empty when a set could be published now, else the reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishKey:
    """The digests and versions a manifest records."""

    build_key: Digest
    input_key: Digest
    model: Digest
    policy: Digest
    data: Digest
    toolchain: Mapping[str, str]


class HookRunner(Protocol):
    """Runs what the operator wants told; never fails a build."""

    def published(self, hooks: Hooks, job: Job, published: Published) -> None:
        """After publication."""
        ...

    def failed(self, hooks: Hooks, job: Job, failure: Failure) -> None:
        """After a failure that is final for its build key."""
        ...


class Recorder(Protocol):
    """What the engine tells the metrics; labels are closed sets."""

    def job_accepted(self, job: Job) -> None:
        """A job entered the queue."""
        ...

    def job_finished(self, job: Job, seconds: float) -> None:
        """A job reached a final state, so many seconds after its claim."""
        ...

    def attempt_finished(self, outcome: AttemptOutcome, *, will_retry: bool) -> None:
        """An attempt ended."""
        ...

    def set_published(self, report: BuildReport) -> None:
        """A set is in the output tree."""
        ...

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """A stage of the daemon's own took so long."""
        ...

    def trigger_received(self, source: TriggerSource, *, is_accepted: bool) -> None:
        """A trigger was accepted or refused."""
        ...

    def scanned(self, root: str, *, models: int, seconds: float, now: datetime) -> None:
        """A whole root was scanned."""
        ...

    def root_available(self, root: str, *, is_available: bool) -> None:
        """A root can or cannot be read."""
        ...

    def queue_changed(self, counts: StoreCounts, *, running: int) -> None:
        """The queue has these counts now."""
        ...

    def models_changed(self, root: str, by_phase: Mapping[str, int]) -> None:
        """A root's models are in these phases now."""
        ...

    def reloaded(self, *, is_successful: bool, now: datetime) -> None:
        """The configuration was read again."""
        ...


__all__ = [
    "Clock",
    "DataFile",
    "Executor",
    "FileIdentity",
    "HookRunner",
    "JobStore",
    "PolicyResolver",
    "Progress",
    "PublishKey",
    "Published",
    "Publisher",
    "Recorder",
    "Root",
    "Sources",
    "StoreCounts",
]
