"""The failures of limits."""

import pytest

from tflited.domain.breach import Limit, excess
from tflited.domain.limits import Limits
from tflited.domain.model import FileIdentity, ModelKind, Snapshot


def snapshot(*sizes: int) -> Snapshot:
    """A model with files of these sizes."""
    files = tuple(
        (str(number), FileIdentity(device=1, inode=1, size=size, mtime_ns=1, ctime_ns=1))
        for number, size in enumerate(sizes)
    )
    return Snapshot(kind=ModelKind.SAVED_MODEL, files=files)


@pytest.mark.parametrize("limit", list(Limit))
def test_every_breach_says_observed_allowed_and_the_key(limit: Limit) -> None:
    """The reader knows what to change without reading code."""
    failure = limit.failure(key="limits.some_key", observed="3 B", allowed="2 B", where="prove")
    assert failure.code == limit.value
    assert "in stage prove: observed 3 B, allowed 2 B." in failure.message
    assert "raise limits.some_key in the policy" in failure.hint


def test_size_of_a_model_is_judged() -> None:
    """Either count alone is enough; zero means no limit."""
    limits = Limits(model_files=3, model_bytes=100)
    assert excess(snapshot(50, 25, 25), limits) is None
    files = excess(snapshot(1, 0, 0, 0), limits)
    size = excess(snapshot(101), limits)
    assert files is not None
    assert "observed 4 files, allowed 3" in files.message
    assert size is not None
    assert "observed 101 bytes, allowed 100" in size.message
    assert not size.is_retryable
    assert excess(snapshot(101, 101), Limits(model_files=0, model_bytes=0)) is None
