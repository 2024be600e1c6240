"""The screen of ``status --watch``, from answers of a served double."""

import io
from dataclasses import replace

from rich.console import Console

from fakes.control import MODEL, make_job
from fakes.http_client import Daemon
from tflited.cli.client import Client
from tflited.cli.screen import Screen, headline
from tflited.domain.job import Failure, JobState
from tflited.domain.status import HealthCheck


def shown(screen: Screen) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(screen.render())
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO


def looked(daemon: Daemon) -> Screen:
    screen = Screen()
    screen.look(Client(daemon.path))
    return screen


def test_all_of_it_on_one_screen(daemon: Daemon) -> None:
    """State and queue, roots with their phases, what runs with stage and variant, what ended."""
    failure = Failure(code="crash", message="It\ncrashed.")
    ended = replace(make_job(1), finished_at=make_job(1).created_at, failure=failure)
    daemon.control.known[1] = ended
    text = shown(looked(daemon))

    assert "tflited 1.2.3: ready, 1 of 2 slots busy, 1 jobs queued" in text
    assert [line for line in text.splitlines() if line.split() == ["zoo", "1", "building"]]
    running = [line for line in text.splitlines() if "lower" in line]
    assert [line.split() for line in running] == [["2", str(MODEL), "lower", "int8", "2"]]
    assert rf"1    {MODEL}  failed  2026-01-02T03:04:05Z  It\ncrashed." in text
    assert "Ctrl-C ends" in text


def test_what_is_wrong_is_told(daemon: Daemon) -> None:
    """The failing check with its reason."""
    daemon.control.checks = [HealthCheck(name="output", is_ok=False, reason="disk full")]
    text = shown(looked(daemon))
    assert "not ready" in text
    assert "output: disk full" in text


def test_a_daemon_that_is_away_leaves_what_was_known(daemon: Daemon) -> None:
    """With the reason, until it is back."""
    screen = looked(daemon)
    daemon.server.stop(5)
    screen.look(Client(daemon.path))
    text = shown(screen)
    assert "tflited 1.2.3" in text
    assert "No daemon answers on " in text
    assert "Trying again." in text


def test_without_any_answer_there_is_the_reason() -> None:
    """Before the daemon was ever there."""
    assert "nowhere" in shown(Screen(trouble="No daemon answers on nowhere."))


def test_a_daemon_that_stops_says_so(daemon: Daemon) -> None:
    """Draining is no state to wait in unseen."""
    answer = looked(daemon).answer
    assert answer is not None
    assert ": stopping, " in headline({**answer, "is_draining": True})
    assert JobState.QUEUED.value in answer["counts"]["by_state"]
