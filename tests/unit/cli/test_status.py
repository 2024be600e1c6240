"""``tflited status``."""

import json
from collections.abc import Callable

import pytest

from fakes.http_client import Daemon
from tflited.domain.status import HealthCheck

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("daemon")
def test_shows_what_it_does(run: Run) -> None:
    """Readiness, roots, models and the attempt under way."""
    code, out, _ = run("status")
    assert code == 0
    assert "tflited 1.2.3: ready, 2 slots" in out
    assert "root zoo: /srv/zoo" in out
    assert "polled: far: nfs4" in out
    assert "job 2 zoo/vision/net.keras: lower int8" in out


def test_shows_why_it_is_not_ready(daemon: Daemon, run: Run) -> None:
    """The failing check is told with its reason."""
    daemon.control.checks = [HealthCheck(name="output", is_ok=False, reason="disk full")]
    _, out, _ = run("status")
    assert "not ready" in out
    assert "output: disk full" in out


@pytest.mark.usefixtures("daemon")
def test_json(run: Run) -> None:
    """Scripts get the daemon's answer."""
    assert json.loads(run("status", "--json")[1])["version"] == "1.2.3"


def test_without_a_daemon(run: Run) -> None:
    """The socket that was asked is named."""
    code, out, err = run("status")
    assert (code, out) == (1, "")
    assert "tflited.sock" in err
