"""The client of the unix socket: answers, refusals and a daemon that is not there."""

from pathlib import Path

import pytest

from fakes.http_client import Daemon
from tflited.cli.client import Client
from tflited.errors import DaemonUnreachableError, OverCapacityError, TflitedError, UsageError


def test_reads_a_resource(daemon: Daemon) -> None:
    """The query arrives and the answer is parsed."""
    (job,) = Client(daemon.path).get("/api/v1/jobs", limit=1)
    assert job["id"] == 2


def test_a_missing_resource_is_a_wrong_use(daemon: Daemon) -> None:
    """404 carries the daemon's message."""
    with pytest.raises(UsageError, match="99"):
        Client(daemon.path).get("/api/v1/jobs/99")


def test_a_failure_of_the_daemon_is_no_wrong_use(daemon: Daemon) -> None:
    """500 becomes the base error."""
    daemon.control.error = TflitedError("the disk is gone")
    with pytest.raises(TflitedError, match="the disk is gone") as refused:
        Client(daemon.path).get("/api/v1/status")
    assert not isinstance(refused.value, UsageError)


def test_nobody_answers(tmp_path: Path) -> None:
    """The socket and the next step are named."""
    with pytest.raises(DaemonUnreachableError, match=r"none\.sock") as refused:
        Client(tmp_path / "none.sock").get("/api/v1/status")
    assert "tflited serve" in refused.value.hint


def test_a_full_queue_is_told_as_such(daemon: Daemon) -> None:
    """Whoever calls may try again later, and knows it."""
    daemon.control.error = OverCapacityError("queue: observed 2, allowed 2.", hint="later")
    with pytest.raises(OverCapacityError, match="observed 2") as refused:
        Client(daemon.path).post("/api/v1/triggers", b"{}")
    assert refused.value.retryable
