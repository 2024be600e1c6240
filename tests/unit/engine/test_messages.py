"""Messages for the engine are values that its thread cannot find changed."""

from dataclasses import FrozenInstanceError

import pytest

from fakes.samples import a_job
from tflited.domain.policy import Policy
from tflited.engine.messages import AttemptEnded


def test_an_ended_attempt_cannot_be_changed_after_it_was_posted() -> None:
    """Two threads hold it."""
    ended = AttemptEnded(job=a_job(), policy=Policy())
    with pytest.raises(FrozenInstanceError):
        ended.seconds = 1.0  # type: ignore[misc]  # that it raises is the point
