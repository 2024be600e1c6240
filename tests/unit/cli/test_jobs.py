"""``tflited jobs``, ``retry`` and ``cancel``."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.http_client import Daemon
from tflited.domain.job import JobState

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("daemon")
def test_a_table(run: Run) -> None:
    """Jobs are shown with their model and state."""
    code, out, _ = run("jobs")
    assert code == 0
    assert "zoo/vision/net.keras" in out
    assert out.index("queued") < out.index("failed")


def test_a_job_that_waits_says_for_what(daemon: Daemon, run: Run) -> None:
    """In the column where others have their failure; times are to the second."""
    daemon.control.known[2] = replace(daemon.control.known[2], waits_for="its model settles")
    _, out, _ = run("jobs")
    assert "waits: its model settles" in out
    assert "2026-01-02T03:04:05Z" in out


def test_a_pipe_gets_one_line_for_each_job(
    daemon: Daemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No width of a terminal cuts what grep looks for."""
    monkeypatch.delenv("COLUMNS")
    daemon.control.known[2] = replace(daemon.control.known[2], waits_for="long " * 60 + "end")
    _, out, _ = run("jobs")
    assert len(out.splitlines()) == 3
    assert "long end" in out


@pytest.mark.usefixtures("daemon")
def test_only_one_state(run: Run) -> None:
    """The state is a filter."""
    _, out, _ = run("jobs", "--state", "failed", "--json")
    assert [job["id"] for job in json.loads(out)] == [1]


@pytest.mark.usefixtures("daemon")
def test_only_dead_jobs(run: Run) -> None:
    """``--dead`` is short for the state; there are none."""
    _, out, _ = run("jobs", "--dead", "--json")
    assert json.loads(out) == []


def test_retry(daemon: Daemon, run: Run) -> None:
    """A failed job is queued."""
    assert run("retry", "1")[0] == 0
    assert daemon.control.known[1].state is JobState.QUEUED


def test_discard(daemon: Daemon, run: Run) -> None:
    """A failed job is put away."""
    assert run("discard", "1")[0] == 0
    assert daemon.control.known[1].state is JobState.CANCELLED


@pytest.mark.usefixtures("daemon")
def test_a_refused_discard(run: Run) -> None:
    """A queued job is not put away."""
    code, _, err = run("discard", "2")
    assert code == 2
    assert "allowed failed or dead" in err


def test_cancel(daemon: Daemon, run: Run) -> None:
    """A queued job ends."""
    assert run("cancel", "2")[0] == 0
    assert daemon.control.known[2].state is JobState.CANCELLED


@pytest.mark.usefixtures("daemon")
def test_a_refused_retry(run: Run) -> None:
    """The daemon's reason reaches the user."""
    code, _, err = run("retry", "2")
    assert code == 2
    assert "allowed failed or dead" in err
