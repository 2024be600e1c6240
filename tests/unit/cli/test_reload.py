"""``tflited reload``."""

from collections.abc import Callable

from fakes.http_client import Daemon

Run = Callable[..., tuple[int, str, str]]


def test_asks_the_daemon(daemon: Daemon, run: Run) -> None:
    """It returns once the configuration is in force."""
    assert run("reload")[:2] == (0, "the configuration is in force\n")
    assert daemon.control.reloads == 1


def test_without_a_daemon(run: Run) -> None:
    """There is nothing to reload, which is a failure."""
    code, _, err = run("reload")
    assert code == 1
    assert "No daemon answers" in err
