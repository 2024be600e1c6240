"""What other threads put into the engine's inbox."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from tflited.domain.attempt import AttemptOutcome, ChildRecord
from tflited.domain.job import Failure, Job
from tflited.domain.observation import Observation, RootObservation
from tflited.domain.policy import Policy
from tflited.domain.ports import Published
from tflited.domain.report import BuildReport


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """An attempt and, when it went well, its publication are over.

    Attributes:
        job: as claimed.
        policy: it was built under.
        outcome: how the child ended; None when it was never started.
        report: what was published.
        published: the set, when there is one.
        failure: why there is none.
        children: what each of its children said, and how it ended.
        stage_seconds: time of the daemon's own stages.
        seconds: from the claim to the end.
    """

    job: Job
    policy: Policy
    outcome: AttemptOutcome | None = None
    report: BuildReport | None = None
    published: Published | None = None
    failure: Failure | None = None
    children: tuple[ChildRecord, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """Something to be done on the engine's thread, with a future for whoever waits."""

    action: Callable[[], Any]
    answer: Future[Any]


@dataclass(frozen=True, slots=True)
class Wake:
    """Nothing but a reason to look at the clock."""


Message = Observation | RootObservation | AttemptEnded | Call | Wake
