"""``tflited rebuild``."""

from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("daemon")
def test_tells_how_many(run: Run) -> None:
    """The daemon's count is shown."""
    assert run("rebuild", "--stale")[:2] == (0, "3 models are queued\n")


def test_needs_to_be_told_what(run: Run) -> None:
    """Without ``--stale`` it names the command for one model."""
    code, _, err = run("rebuild")
    assert code == 2
    assert "tflited trigger PATH --force" in err
