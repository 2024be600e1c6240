"""``tflited confirm``: asks the daemon, which alone knows what waits."""

from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("daemon")
def test_tells_how_many_sets_leave(run: Run) -> None:
    """The root is named as the configuration names it."""
    assert run("confirm", "zoo") == (
        0,
        "2 sets leave the output tree; root zoo is taken as it is\n",
        "",
    )


@pytest.mark.usefixtures("daemon")
def test_an_unknown_root(run: Run) -> None:
    """The answer names those there are."""
    code, _, err = run("confirm", "z?o")
    assert code == 2
    assert "There is no root z?o" in err
    assert "the roots are zoo" in err


def test_without_a_daemon(run: Run) -> None:
    """There is nobody who could let them go."""
    code, _, err = run("confirm", "zoo")
    assert code == 1
    assert "No daemon answers" in err
