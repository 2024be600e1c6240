"""One attempt at a job: what the child is asked, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tflited.domain.job import Failure
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import BuildReport
from tflited.domain.sandbox import SandboxDemand, SandboxLevel


class AttemptResult(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    """The child replied with a report."""
    ERROR = "error"
    """The child replied with a failure."""
    TIMEOUT = "timeout"
    """The deadline passed; the process group was killed."""
    LIMIT = "limit"
    """It used more than its policy allows; the process group was killed."""
    CRASH = "crash"
    """The child ended without a reply."""
    CANCELLED = "cancelled"
    """Killed because its job was cancelled or superseded, or the daemon is stopping."""
    WORKER_LOST = "worker_lost"
    """The zygote, or the worker that had the attempt, ended or fell silent while the child ran."""
    ENGINE_LOST = "engine_lost"
    """The cluster was lost: its scheduler, or every worker; nothing is known of the child."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRequest:
    """Everything a child needs to build one set.

    Attributes:
        attempt: ``JOB.ATTEMPT``, unique.
        kind: the model's container.
        model: absolute path of the private copy.
        stem: name that files of the set begin with, before sanitising for C.
        scratch: absolute path of the one directory the child may write; exists and is empty.
            The set is left in ``scratch/set``: one folder per variant.
        policy: how to convert.
        calibration: absolute paths of calibration files, sorted.
        evaluation: absolute paths of evaluation files, sorted.
        custom_objects: absolute path of the private copy of the policy's module; none without one.
        provenance: lines for the head of generated C: name to value.
        threads: processor threads the child may use.
        sandbox: what is demanded before the model is opened.
        evidence: absolute path of the scratch folder of a child that converted, for another one
            that proves what it left and opens no model; empty for one that converts.
        given_up: variants that ended a child of this attempt, and how: they are not made again.
    """

    attempt: str
    kind: ModelKind
    model: str
    stem: str
    scratch: str
    policy: Policy
    calibration: tuple[str, ...] = ()
    evaluation: tuple[str, ...] = ()
    custom_objects: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    sandbox: SandboxDemand = SandboxDemand.REQUIRED
    given_up: Mapping[Variant, str] = field(default_factory=dict)
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimits:
    """What an attempt may use; 0 means no limit.

    Attributes:
        wall_seconds: from the request to the reply.
    """

    wall_seconds: float = 900.0


class ChildTask(StrEnum):
    """What a child was there for."""

    CONVERT = "convert"
    """Opens the model and makes the set."""
    PROVE = "prove"
    """Proves the set again, without the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRecord:
    """One child of an attempt.

    Attributes:
        task: what it was there for.
        given_up: variants that it left out, since each had ended a child before it.
        result: how it ended.
        failure: why not well; None where it did.
        seconds: from the request to its end.
        said: beginning and end of what it wrote to standard output and error.
    """

    task: ChildTask
    given_up: tuple[Variant, ...] = ()
    result: AttemptResult
    failure: Failure | None = None
    seconds: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """How one attempt ended.

    Attributes:
        result: the class of the end.
        report: the child's report; None unless ``result`` is OK.
        failure: why not; None when ``result`` is OK.
        stage_seconds: time of each stage, as far as it came.
        peak_rss_bytes: greatest resident memory of the child; 0 where unknown.
        noise: last part of what the child wrote to its standard error, for the record.
        sandbox: what held while model code ran; None where none ran.
        children: what is kept of each child, where there may have been several.
    """

    result: AttemptResult
    report: BuildReport | None = None
    failure: Failure | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    peak_rss_bytes: int = 0
    noise: str = ""
    sandbox: SandboxLevel | None = None
    children: tuple[ChildRecord, ...] = ()
