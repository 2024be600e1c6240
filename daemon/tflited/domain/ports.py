"""The engine's view of the world: what it asks of adapters, as Protocols."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Protocol

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest
from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.hub import HubReference
from tflited.domain.job import Binding, Failure, Job, JobState, NewJob, TriggerSource
from tflited.domain.manifest import Build, Manifest
from tflited.domain.model import Digest, FileIdentity, ModelId, ModelKind
from tflited.domain.policy import ResolvedPolicy
from tflited.domain.publication import Published, Publisher, PublishKey
from tflited.domain.report import Stage
from tflited.domain.sandbox import SandboxDemand
from tflited.domain.trigger import Trigger, TriggerReceipt

Progress = Callable[[Stage, str], None]
"""Told when a stage begins, with a detail such as the variant's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A watched directory.

    Attributes:
        name: its configured name.
        path: where it is.
        policy: the named policy its models start from.
        is_trusted: whoever may write here may have code of their own run in a child.
        follow_links: symbolic links are followed as long as they lead into a root.
        sandbox: what is demanded before one of its models is opened.
    """

    name: str
    path: Path
    policy: str | None = None
    is_trusted: bool = False
    follow_links: bool = False
    sandbox: SandboxDemand = SandboxDemand.REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One calibration or evaluation file, or a policy's module, as seen now."""

    path: Path
    identity: FileIdentity


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

    def accept_root(self, root: str) -> None:
        """Takes a root as it is now, although it came back empty or on another device."""
        ...

    def find_model(self, root: Root, path: str) -> ModelKind | None:
        """The kind of the model at exactly that path on disk now; None where there is none.

        Raises:
            OSError: the root cannot be read.
        """
        ...

    def fetch_again(self, root: str, path: str) -> None:
        """Asks for a Hub reference's module to be fetched anew; returns at once."""
        ...

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Copies an admitted model, a folder or file, below ``destination`` and proves its digest.

        Raises:
            SourceChangedError: the model is gone or has another digest by now.
            StoragePausedError: no room for the copy.
        """
        ...

    def is_unchanged(self, model: ModelId, digest: Digest) -> bool:
        """Whether the model on disk is still the admitted one with that digest; opens no file."""
        ...

    def find_data(self, pattern: str) -> tuple["DataFile", ...]:
        """Files that match an absolute glob pattern, sorted by path."""
        ...

    def digest_data(self, files: Sequence["DataFile"]) -> Digest:
        """Digest of names and contents, cached by identity."""
        ...

    def stage_data(self, file: Path, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of one data file and proves that it has the expected digest.

        Returns:
            The copy, below ``destination``, under the file's own name.

        Raises:
            SourceChangedError: the file is gone or has another digest by now.
            StoragePausedError: no room for the copy.
        """
        ...


class HubFetcher(Protocol):
    """Brings TensorFlow Hub modules to this machine."""

    def fetch(self, handle: str, destination: Path, cancel: Event) -> None:
        """Downloads and unpacks a module, and puts it in its place as a whole; blocks.

        Args:
            handle: an https or http address.
            destination: the module's folder; what is there is replaced only by a whole module.
            cancel: when set, the fetch is ended.

        Raises:
            HubError: it could not be had; ``retryable`` tells whether later it might.
        """
        ...


class ReferenceKeeper(Protocol):
    """Keeps Hub references that came as triggers."""

    def place(self, reference: HubReference) -> Path:
        """Where a reference is or would be kept: a file of the daemon's own root.

        Raises:
            TriggerRefusedError: its handle is not allowed.
        """
        ...

    def keep(self, reference: HubReference) -> None:
        """Makes a reference durable in its place, once.

        Raises:
            TriggerRefusedError: its handle is not allowed.
            StoragePausedError: there is no room.
        """
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

    def discard(self, job_id: int) -> Job:
        """Puts a failed or dead job away as cancelled; its failure stays readable."""
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
        self,
        *,
        states: Sequence[JobState] = (),
        model: ModelId | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """Jobs, newest first; those with a lower id than ``before``, where that is given."""
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

    def active(self) -> int:
        """How many jobs are queued or running; cheap however long the history is."""
        ...

    def counts(self) -> StoreCounts:
        """How many jobs there are, by state."""
        ...


class AttemptRecords(Protocol):
    """What is kept of attempts for people; for any thread."""

    def keep(self, record: AttemptRecord) -> None:
        """Keeps a record within bounds; one that cannot be kept is told and given up.

        Raises:
            StorageFailedError: an fsync failed.
        """
        ...

    def of_job(self, job_id: int) -> Sequence[AttemptRecord]:
        """The records of a job's attempts that are still kept, the first one first."""
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


__all__ = [
    "AttemptRecords",
    "Clock",
    "DataFile",
    "Executor",
    "FileIdentity",
    "HubFetcher",
    "JobStore",
    "PolicyResolver",
    "Progress",
    "PublishKey",
    "Published",
    "Publisher",
    "ReferenceKeeper",
    "Root",
    "Sources",
    "StoreCounts",
]
