"""What the engine tells its log about models and attempts; decides nothing."""

import structlog

from tflited.domain.job import Job
from tflited.domain.model import ModelId
from tflited.domain.status import Phase
from tflited.engine.decide import Decision
from tflited.engine.messages import AttemptEnded

_LOG = structlog.get_logger()


def phase_changed(model: ModelId, decision: Decision, *, is_first: bool = False) -> None:
    """A model entered a phase, or its reason changed; found published at the start is no news."""
    is_bad = decision.phase in {Phase.REFUSED, Phase.POLICY_ERROR, Phase.FAILED}
    log = _LOG.warning if is_bad else _LOG.info
    if is_first and decision.phase is Phase.PUBLISHED:
        log = _LOG.debug
    log(
        "model_phase",
        model=str(model),
        phase=decision.phase.value,
        reason=decision.reason,
        **({"hint": decision.hint} if decision.hint else {}),
    )


def attempt_ended(job: Job, ended: AttemptEnded) -> None:
    """An attempt published a set, or failed."""
    facts = {"job_id": job.id, "model": str(job.model), "state": job.state.value}
    if ended.published is not None:
        _LOG.info("set_published", **facts, directory=str(ended.published.directory))
    elif ended.failure is not None:
        failure = ended.failure
        _LOG.warning(
            "attempt_failed", **facts, code=failure.code, reason=failure.message, hint=failure.hint
        )
