"""What the engine's log says of models and attempts."""

import pytest
from structlog.testing import capture_logs

from fakes.samples import MODEL, a_job
from tflited.domain.job import Failure, JobState
from tflited.domain.policy import Policy
from tflited.domain.status import Action, Phase
from tflited.engine import journal
from tflited.engine.decide import Decision
from tflited.engine.messages import AttemptEnded


@pytest.mark.parametrize(
    ("phase", "level"),
    [
        (Phase.PUBLISHED, "info"),
        (Phase.SETTLING, "info"),
        (Phase.REFUSED, "warning"),
        (Phase.POLICY_ERROR, "warning"),
        (Phase.FAILED, "warning"),
    ],
)
def test_a_bad_phase_is_a_warning(phase: Phase, level: str) -> None:
    """What somebody must mend stands out from what goes its way."""
    decision = Decision(phase=phase, action=Action.NOTHING, reason="because", hint="mend it")
    with capture_logs() as told:
        journal.phase_changed(MODEL, decision)
    assert [(line["event"], line["log_level"]) for line in told] == [("model_phase", level)]
    assert told[0]["hint"] == "mend it"


def test_a_failed_attempt_tells_code_and_reason() -> None:
    """Enough to act on without looking elsewhere."""
    job, failure = a_job(state=JobState.FAILED), Failure(code="x", message="It failed.")
    with capture_logs() as told:
        journal.attempt_ended(job, AttemptEnded(job=job, policy=Policy(), failure=failure))
    assert told[0]["event"] == "attempt_failed"
    assert told[0]["code"] == "x"
    assert told[0]["state"] == "failed"
