"""One attempt from the private copy to the published set; runs in a slot's thread."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from threading import Event

import structlog

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, ChildRecord
from tflited.domain.build_key import BuildKey
from tflited.domain.job import Failure, Job, facts
from tflited.domain.model import Digest
from tflited.domain.policy import Policy
from tflited.domain.ports import (
    Clock,
    Executor,
    Progress,
    Published,
    Publisher,
    PublishKey,
    Sources,
)
from tflited.domain.report import BuildReport, Stage
from tflited.domain.sandbox import SandboxDemand
from tflited.domain.verdict import decide
from tflited.durable import storage_errors
from tflited.engine.data import DataView
from tflited.engine.messages import AttemptEnded
from tflited.errors import OutputError, SourceChangedError, TflitedError, WorkerError

_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A claimed job with everything that its attempt needs."""

    job: Job
    policy: Policy
    key: PublishKey
    calibration: tuple[Path, ...]
    evaluation: tuple[Path, ...]
    custom_objects: tuple[Path, ...] = ()
    custom_objects_digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRunner:
    """Runs attempts; called from several threads at once.

    Attributes:
        executor: converts and proves: what it reports needs no further proof.
        scratch: directory for private copies and what children write; swept at start.
        threads: processor threads for each child.
    """

    sources: Sources
    executor: Executor
    publisher: Publisher
    clock: Clock
    scratch: Path
    limits: AttemptLimits
    threads: int

    def run(self, work: Work, progress: Progress, cancel: Event) -> AttemptEnded:
        """Runs one attempt and, when it went well, publishes; raises nothing that is expected."""
        started = self.clock.monotonic()
        job = work.job
        place = self.scratch / f"{job.id}.{job.attempts}"
        seconds: dict[str, float] = {}
        outcome: AttemptOutcome | None = None
        report: BuildReport | None = None
        published: Published | None = None
        failure: Failure | None = None
        try:
            request = self._stage(work, place, progress, seconds)
            if job.sandbox is SandboxDemand.OFF:
                _LOG.warning("attempt_unsandboxed", **facts(job), attempt=job.attempts)
            outcome = self.executor.run_attempt(request, self.limits, progress, cancel)
            _tell_given_up(job, outcome.children)
            report, failure = outcome.report, outcome.failure
            if report is not None:
                report = replace(report, sandbox=outcome.sandbox)
                progress(Stage.PUBLISH, "")
                published = self._publish(work, report, Path(request.scratch), seconds)
        except TflitedError as error:
            failure = failure_of(error)
        except OSError as error:
            hint = f"{self.scratch} must be writable for the service's user"
            failure = failure_of(WorkerError(f"Scratch space: {error}.", hint=hint))
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return AttemptEnded(
            job=job,
            policy=work.policy,
            outcome=outcome,
            report=report,
            published=published,
            failure=failure,
            children=() if outcome is None else outcome.children,
            stage_seconds=seconds,
            seconds=self.clock.monotonic() - started,
        )

    def _stage(
        self, work: Work, place: Path, progress: Progress, seconds: dict[str, float]
    ) -> AttemptRequest:
        began = self.clock.monotonic()
        progress(Stage.STAGE, "")
        shutil.rmtree(place, ignore_errors=True)
        job = work.job
        try:
            with storage_errors(place):
                (place / "input").mkdir(parents=True)
                (place / "work").mkdir()
            copy = self.sources.stage(job.model, place / "input", job.model_digest)
            modules = self._modules(work, place / "modules")
        finally:
            seconds[Stage.STAGE] = self.clock.monotonic() - began
        return AttemptRequest(
            attempt=f"{job.id}.{job.attempts}",
            kind=job.kind,
            model=str(copy),
            stem=job.model.stem,
            scratch=str(place / "work"),
            policy=work.policy,
            calibration=tuple(map(str, work.calibration)),
            evaluation=tuple(map(str, work.evaluation)),
            custom_objects=modules,
            provenance=_provenance(work),
            threads=self.threads,
            sandbox=job.sandbox,
        )

    def _modules(self, work: Work, folder: Path) -> tuple[str, ...]:
        """Private copies: code is run exactly as it was digested."""
        folder.mkdir()
        digest = work.custom_objects_digest
        return tuple(
            str(self.sources.stage_data(file, folder, digest))
            for file in work.custom_objects
            if digest is not None
        )

    def _publish(
        self, work: Work, report: BuildReport, scratch: Path, seconds: dict[str, float]
    ) -> Published:
        verdict = decide(report, work.policy)
        if verdict.is_held:
            raise OutputError(
                f"{work.job.model}: the set is held back: {verdict.rejections}.",
                hint='mend the model or its data, or set on_reject = "omit"',
            )
        if not self.sources.is_unchanged(work.job.model, work.key.model):
            raise SourceChangedError(
                f"{work.job.model} changed while it was built.",
                hint="nothing; it is built again as soon as it settles",
            )
        began = self.clock.monotonic()
        published = self.publisher.publish(work.job, work.policy, work.key, report, scratch)
        seconds[Stage.PUBLISH] = self.clock.monotonic() - began
        return published


def _tell_given_up(job: Job, children: Sequence[ChildRecord]) -> None:
    """Logs each variant that a child was made without, and how the one before it ended."""
    for before, after in pairwise(children):
        reason = before.failure.message if before.failure else before.result.value
        for variant in after.given_up:
            if variant not in before.given_up:
                _LOG.warning(
                    "variant_given_up",
                    **facts(job),
                    attempt=job.attempts,
                    variant=variant.value,
                    reason=reason,
                )


def work_of(
    job: Job, policy: Policy, key: BuildKey, data: DataView, toolchain: Mapping[str, str]
) -> Work:
    """A claimed job with its policy, its key and its data."""
    return Work(
        job=job,
        policy=policy,
        key=PublishKey(
            build_key=key.value,
            input_key=key.input_key,
            model=key.model,
            policy=key.policy,
            data=key.data,
            toolchain=toolchain,
        ),
        calibration=data.calibration,
        evaluation=data.evaluation,
        custom_objects=data.custom_objects,
        custom_objects_digest=data.custom_objects_digest,
    )


def failure_of(error: TflitedError) -> Failure:
    """The record of an expected error."""
    return Failure(
        code=error.code,
        message=error.message,
        hint=error.hint,
        is_retryable=error.retryable and not isinstance(error, SourceChangedError),
    )


def _provenance(work: Work) -> Mapping[str, str]:
    return {
        "source": str(work.job.model),
        "source sha256": work.key.model,
        "policy sha256": work.key.policy,
        **dict(sorted(work.key.toolchain.items())),
    }
