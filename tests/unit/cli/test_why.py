"""``tflited why``: with a daemon and without one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("daemon")
def test_asks_the_daemon(run: Run) -> None:
    """Subject, summary and the newest job are shown."""
    code, out, _ = run("why", "zoo/a")
    assert code == 0
    assert "zoo/a: not there\nGone.\n" in out
    assert "job: 1 failed" in out


def test_a_file_outside_the_roots(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there, and the answer is not that it is not."""
    (folder / "notes.txt").touch()
    monkeypatch.chdir(folder)
    _, out, _ = run("why", "notes.txt")
    assert out.startswith(f"{folder}/notes.txt: outside the roots\n")
    assert run("why", "nothing")[1].startswith("nothing: not there\n")


@pytest.mark.usefixtures("daemon")
def test_a_hostile_path_stays_text(run: Run) -> None:
    """Control characters do not reach the terminal."""
    _, out, _ = run("why", "zoo/\x1b[2J")
    assert "\x1b" not in out


def test_looks_itself_without_a_daemon(folder: Path, run: Run) -> None:
    """One look at the disk tells a refused file with the cause."""
    (folder / "models" / "x.keras").write_text("not a model")
    code, out, _ = run("why", "models/x.keras", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["subject"] == "model"
    assert answer["model"]["phase"] == "refused"
    assert "x.keras" in answer["summary"]
