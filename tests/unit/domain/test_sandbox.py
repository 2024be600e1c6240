"""The words of the sandbox: closed sets, of which one is a metric's label."""

from tflited.domain.attempt import AttemptRequest
from tflited.domain.job import Job
from tflited.domain.ports import Root
from tflited.domain.sandbox import SandboxDemand, SandboxLevel


def test_it_is_required_unless_somebody_says_otherwise() -> None:
    """Nothing runs outside of it because a field was forgotten."""
    for kind in (AttemptRequest, Job, Root):
        assert kind.__dataclass_fields__["sandbox"].default is SandboxDemand.REQUIRED


def test_what_held_is_not_what_was_demanded() -> None:
    """A demand that is met may still be met in two ways."""
    assert set(SandboxLevel) - set(SandboxDemand) == {"full", "no_namespaces"}
