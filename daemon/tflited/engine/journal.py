"""What the engine tells its log about models and attempts; decides nothing."""

from collections.abc import Sequence

import structlog

from tflited.domain.audience import Recorder
from tflited.domain.job import Job, facts
from tflited.domain.model import ModelId
from tflited.domain.status import Phase
from tflited.engine.decide import Decision
from tflited.engine.messages import AttemptEnded
from tflited.engine.removal import Tell

_LOG = structlog.get_logger()


def phase_changed(model: ModelId, decision: Decision, *, is_first: bool = False) -> None:
    """A model entered a phase, or its reason changed; found published at the start is no news."""
    if is_first and decision.phase is Phase.PUBLISHED:
        return
    is_bad = decision.phase in {Phase.REFUSED, Phase.POLICY_ERROR, Phase.FAILED}
    log = _LOG.warning if is_bad else _LOG.info
    log(
        "model_phase",
        model=str(model),
        policy=decision.resolved.name if decision.resolved else "",
        phase=decision.phase.value,
        reason=decision.reason,
        hint=decision.hint,
    )


def version_seen(model: ModelId, twins: Sequence[ModelId]) -> None:
    """A version is new; others may have the same number, such as ``1`` and ``001``."""
    if twins:
        hint = "remove one of them; with versions = newest the shorter name counts"
        _LOG.warning("version_twice", model=str(model), other=str(twins[0]), hint=hint)


def tell_removals(recorder: Recorder) -> Tell:
    """What tells the metrics and the log of removals that wait for a person."""

    def tell(root: str, waiting: int, reason: str | None) -> None:
        recorder.removals_waiting(root, waiting)
        hint = f"tflited confirm {root} lets them go; sources that come back end the wait"
        if reason is not None and waiting:
            _LOG.warning("removals_wait", root=root, models=waiting, reason=reason, hint=hint)
        elif reason is not None:
            _LOG.info("removals_wait_over", root=root)

    return tell


def attempt_ended(job: Job, ended: AttemptEnded) -> None:
    """An attempt published a set, or failed."""
    if ended.published is not None:
        _LOG.info(
            "set_published",
            **facts(job),
            attempt=ended.job.attempts,
            state=job.state.value,
            seconds=round(ended.seconds, 3),
            directory=str(ended.published.directory),
        )
    elif ended.failure is not None:
        _LOG.warning(
            "attempt_failed",
            **facts(job),
            attempt=ended.job.attempts,
            state=job.state.value,
            seconds=round(ended.seconds, 3),
            code=ended.failure.code,
            reason=ended.failure.message,
            hint=ended.failure.hint,
        )
