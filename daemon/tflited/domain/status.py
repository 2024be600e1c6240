"""Answers to "what is going on": a model's phase, why it is in it, the plan, the status."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tflited.domain.job import Job
from tflited.domain.manifest import Build, Manifest
from tflited.domain.model import ModelId, ModelKind
from tflited.domain.ports import StoreCounts
from tflited.domain.report import Stage


class Phase(StrEnum):
    """Where a model stands; the closed set that status, metrics and ``why`` share."""

    SETTLING = "settling"
    """Its files still change, or did until a moment ago."""
    HELD = "held"
    """A ``.hold`` file asks to wait."""
    CHECKING = "checking"
    """Admission reads it."""
    REFUSED = "refused"
    """Admission found it not whole; looked at again when a file changes."""
    POLICY_ERROR = "policy_error"
    """A policy file that holds for it is wrong; the last good set stays."""
    QUEUED = "queued"
    """A job waits for it."""
    BUILDING = "building"
    """An attempt is under way."""
    PUBLISHED = "published"
    """What is on disk is what is published."""
    OLDER = "older"
    """A newer version of it is there, and the policy builds only that; its set stays."""
    STALE = "stale"
    """Published with other toolchain versions; ``tflited rebuild --stale`` renews it."""
    FAILED = "failed"
    """Its build failed for good; tried again when the model, policy or data change."""
    REMOVED = "removed"
    """Gone from the root; its outputs are treated as the policy says."""


class SlotState(StrEnum):
    """What a slot does; the metrics label ``result``."""

    STARTING = "starting"
    """Free, but no child could start yet: tensorflow is being loaded."""
    IDLE = "idle"
    """Free."""
    BUSY = "busy"
    """An attempt is under way in it."""


UNBUILT: Final = frozenset({Phase.SETTLING, Phase.CHECKING, Phase.QUEUED, Phase.BUILDING})
"""Phases of a model that changed and is on its way to a build; the others wait for a person."""


class Action(StrEnum):
    """What a plan would do with a model."""

    BUILD = "build"
    WAIT = "wait"
    NOTHING = "nothing"
    STALE = "stale"
    REFUSE = "refuse"
    ARCHIVE = "archive"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One model now.

    Attributes:
        model: which.
        kind: its container.
        phase: where it stands.
        reason: one sentence on why.
        hint: the next step; empty when there is nothing to do.
        since: when it entered the phase, aware UTC.
        until: when the phase ends by itself, as far as known.
        job_id: the job that answers for it.
    """

    model: ModelId
    kind: ModelKind
    phase: Phase
    reason: str
    hint: str = ""
    since: datetime
    until: datetime | None = None
    job_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer of ``why`` for any path.

    Attributes:
        path: as asked.
        subject: what it is: ``model``, ``part of a model``, ``policy file``, ``folder``,
            ``root``, ``data``, ``ignored``, ``output``, ``removed model``, ``outside the roots`` or
            ``not there``.
        summary: one or two sentences that answer the question.
        hint: the next step; empty when there is nothing to do.
        model: the model it is or belongs to.
        policy_name: the named policy in force for it.
        origins: dotted policy key to ``VALUE (ORIGIN)`` in words.
        job: the newest job of the model.
        next_retry: when the next attempt is due.
        manifest: the model's present set.
        output: where the set is or would be.
        last_build: the newest publication, also of a set that is gone.
    """

    path: str
    subject: str
    summary: str
    hint: str = ""
    model: ModelStatus | None = None
    policy_name: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    job: Job | None = None
    next_retry: datetime | None = None
    manifest: Manifest | None = None
    output: str = ""
    last_build: Build | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEntry:
    """What would be done with one model, and why.

    ``changes`` are the policy's keys that differ from those of the published set, in words.
    """

    model: ModelId
    action: Action
    reason: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RootStatus:
    """One root now: where it is, whether it can be read, and its models by phase.

    ``removals_waiting`` sets of models that are gone wait for ``tflited confirm``.
    ``polled`` names the parts that events do not cover, by path below the root, with the reason.
    ``unwatched`` counts the directories that the kernel's watch limit leaves out.
    """

    name: str
    path: str
    is_available: bool
    reason: str = ""
    last_scan_at: datetime | None = None
    removals_waiting: int = 0
    polled: Mapping[str, str] = field(default_factory=dict)
    unwatched: int = 0
    models: Mapping[Phase, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAttempt:
    """One attempt under way: its stage, the stage's detail, and how long it has run."""

    job_id: int
    model: ModelId
    attempt: int
    stage: Stage
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """One line of ``/readyz?verbose``.

    Attributes:
        name: what is checked.
        is_ok: whether it holds.
        reason: why it does not.
        is_required: whether the daemon is not ready without it; where not, the line only tells.
    """

    name: str
    is_ok: bool
    reason: str = ""
    is_required: bool = True


def are_ready(checks: Iterable[HealthCheck]) -> bool:
    """Whether everything required holds."""
    return all(check.is_ok for check in checks if check.is_required)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The daemon now."""

    version: str
    started_at: datetime
    is_ready: bool
    is_draining: bool
    slots: int
    roots: tuple[RootStatus, ...]
    models: tuple[ModelStatus, ...]
    running: tuple[RunningAttempt, ...]
    counts: StoreCounts
    checks: tuple[HealthCheck, ...]
