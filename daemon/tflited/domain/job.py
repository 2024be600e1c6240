"""The job: the durable queue entry for a build, and the one table of its transitions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tflited.domain.model import Digest, ModelId, ModelKind
from tflited.domain.sandbox import SandboxDemand


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    """Waits for a slot, for ``not_before``, or for what ``waits_for`` says."""
    RUNNING = "running"
    """An attempt is under way."""
    PUBLISHED = "published"
    """Its set is in the output tree."""
    UNCHANGED = "unchanged"
    """A trigger asked for what was already published."""
    FAILED = "failed"
    """Permanent for this build key."""
    DEAD = "dead"
    """Its attempts died too often; only ``retry`` runs it again, ``discard`` puts it away."""
    SUPERSEDED = "superseded"
    """The model, its policy or its data changed; a newer job takes its place."""
    CANCELLED = "cancelled"
    """Somebody asked to end it, or to put its failure away."""


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset(
        {
            JobState.RUNNING,
            JobState.UNCHANGED,
            JobState.FAILED,
            JobState.SUPERSEDED,
            JobState.CANCELLED,
        }
    ),
    JobState.RUNNING: frozenset(
        {
            JobState.QUEUED,
            JobState.PUBLISHED,
            JobState.FAILED,
            JobState.DEAD,
            JobState.SUPERSEDED,
            JobState.CANCELLED,
        }
    ),
    JobState.PUBLISHED: frozenset(),
    JobState.UNCHANGED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.DEAD: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.SUPERSEDED: frozenset(),
    JobState.CANCELLED: frozenset(),
}
"""From each state, the states that may follow. Out of FAILED and DEAD lead only ``retry`` and
``discard``."""

ACTIVE = frozenset({JobState.QUEUED, JobState.RUNNING})
"""States in which a job still has work before it."""


def may_become(before: JobState, after: JobState) -> bool:
    """Whether a job may go from one state to another."""
    return after in TRANSITIONS[before]


class TriggerSource(StrEnum):
    """Through which door a job came; the metrics label ``trigger``."""

    WATCH = "watch"
    SPOOL = "spool"
    API = "api"
    BROKER = "broker"
    CLI = "cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why something did not work.

    Attributes:
        code: stable name, fit for a metric label.
        message: what failed, on what, observed against allowed.
        hint: the next step.
        is_retryable: whether waiting may heal it.
    """

    code: str
    message: str
    hint: str = ""
    is_retryable: bool = False


CHANGED_MEANWHILE = Failure(
    code="source_changed",
    message="Its model, policy or data changed while it was built; a newer job takes its place.",
)
"""Why a running job ended that nobody cancelled by name."""
REPLACED = Failure(code="replaced", message="A newer job for the same place was queued.")
"""Why a queued job is superseded by ``accept``."""

UNBOUND = Digest("")
"""Stands for the keys of a job whose model is not admitted yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a job builds; known once its model is admitted and its data have settled.

    Attributes:
        kind: the model's container.
        build_key: of the model, the policy, the data and the toolchain.
        input_key: the build key without the toolchain.
        model_digest: of the model's files.
        policy_json: the policy it is built under.
        folder_key: None for a job under the folder's policy. For one under a trigger's own, the
            input key that the folder's policy gives at that moment; ``UNBOUND`` until that is
            known, and where the set has a place of its own.
        sandbox: what is demanded before the model is opened; of its root when it was bound.
        policy_name: the named policy that ``policy_json`` started from; empty for jobs of a release
            that did not keep it.
    """

    kind: ModelKind
    build_key: Digest
    input_key: Digest
    model_digest: Digest
    policy_json: str
    folder_key: Digest | None = None
    sandbox: SandboxDemand = SandboxDemand.REQUIRED
    policy_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob(Binding):
    """What is known of a job before the store has numbered it.

    Attributes:
        waits_for: what must be there before it can be claimed, in words; empty for nothing.
    """

    model: ModelId
    trigger: TriggerSource
    trigger_id: str | None = None
    priority: int = 5
    is_forced: bool = False
    save_to: str | None = None
    waits_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(NewJob):
    """One row of the queue.

    Attributes:
        id: grows with every job; a set published by a later job is newer.
        attempts: how many attempts were started.
        deaths: how many of them ended without a reply.
        not_before: earliest start, aware UTC; None for at once.
    """

    id: int
    state: JobState
    attempts: int = 0
    deaths: int = 0
    not_before: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failure: Failure | None = None


def facts(job: Job) -> dict[str, int | str]:
    """What every log event about a job says of it."""
    return {"job_id": job.id, "model": str(job.model), "policy": job.policy_name}
