"""What people look at: the daemon in figures, lists of models in parts, one model's past."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tflited.domain.job import Job
from tflited.domain.manifest import Build
from tflited.domain.model import ModelId
from tflited.domain.ports import StoreCounts
from tflited.domain.publication import PublishedRecords
from tflited.domain.status import (
    HealthCheck,
    ModelStatus,
    Phase,
    RootStatus,
    RunningAttempt,
    Status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The daemon now, without its models one by one: cheap however many there are.

    Attributes:
        version: of the program.
        started_at: aware UTC.
        is_ready: whether it accepts work.
        is_draining: whether it is about to stop.
        slots: how many attempts may run at once.
        roots: every root with its models by phase.
        running: attempts under way.
        counts: jobs by state.
        checks: what must hold, each with its state.
        free_bytes: what is stored there to the room that it has left; NaN where unknown.
    """

    version: str
    started_at: datetime
    is_ready: bool
    is_draining: bool
    slots: int
    roots: tuple[RootStatus, ...]
    running: tuple[RunningAttempt, ...]
    counts: StoreCounts
    checks: tuple[HealthCheck, ...]
    free_bytes: Mapping[str, float]

    @property
    def phases(self) -> Mapping[Phase, int]:
        """How many models are in each phase, over all roots."""
        return {phase: sum(root.models.get(phase, 0) for root in self.roots) for phase in Phase}

    @property
    def status(self) -> Status:
        """The status without its models."""
        return Status(
            version=self.version,
            started_at=self.started_at,
            is_ready=self.is_ready,
            is_draining=self.is_draining,
            slots=self.slots,
            roots=self.roots,
            models=(),
            running=self.running,
            counts=self.counts,
            checks=self.checks,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """Which models are asked for.

    Attributes:
        text: stands in ``root/path``, whatever the case; empty for all.
        root: configured name; empty for all.
        phases: any of these; empty for all.
        is_newest_first: by when they entered their phase instead of by name.
        offset: how many to leave out first.
        limit: at most so many.
    """

    text: str = ""
    root: str = ""
    phases: tuple[Phase, ...] = ()
    is_newest_first: bool = False
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """A part of the models that were asked for.

    Attributes:
        models: the part.
        total: how many there are of them in all.
        phases: how many match text and root in each phase, whatever phases were asked for.
    """

    models: tuple[ModelStatus, ...]
    total: int
    phases: Mapping[Phase, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBuild:
    """One publication and the job that made it; None where the store no longer has that."""

    build: Build
    job: Job | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """One model, whether it is there or only was.

    Attributes:
        model: which.
        save_to: which of its sets; None for the one in the mirrored place.
        status: None of one that is in no root now.
        job: the one that answers for it; else its newest.
        builds: newest first.
        records: of the set in that place; None without one.
    """

    model: ModelId
    save_to: str | None
    status: ModelStatus | None
    job: Job | None
    builds: tuple[PastBuild, ...]
    records: PublishedRecords | None
