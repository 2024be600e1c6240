"""``tflited trigger``: through the daemon, else through its spool."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.http_client import Daemon
from tflited.domain.job import TriggerSource
from tflited.triggers.document import parse

Run = Callable[..., tuple[int, str, str]]


def test_sends_the_document(daemon: Daemon, run: Run) -> None:
    """Every option is in the document, and the source is the command line."""
    code, out, _ = run("trigger", "zoo/a", "--force", "--priority", "7", "--id", "mine")
    assert (code, out) == (0, "job 1\n")
    ((document, source),) = daemon.control.submitted
    assert source is TriggerSource.CLI
    expected = {"id": "mine", "model": {"path": "zoo/a"}, "priority": 7, "force": True}
    assert json.loads(document) == {"version": 1, **expected}


def test_sends_a_policy_of_its_own(daemon: Daemon, run: Run) -> None:
    """A named policy, variants and a place: the document's own keys."""
    asked = ("--policy", "mobile", "--variant", "int8", "--variant", "float16")
    assert run("trigger", "zoo/a", *asked, "--save-to", "releases/a")[0] == 0
    ((document, source),) = daemon.control.submitted
    trigger = parse(document, source)
    assert (trigger.policy_name, trigger.save_to) == ("mobile", "releases/a")
    assert trigger.override == {"variants": ["int8", "float16"]}


def test_tells_what_the_job_waits_for(daemon: Daemon, run: Run) -> None:
    """So that nobody takes a settling model for a hanging daemon."""
    daemon.control.waits_for = "zoo/a is settling"
    assert run("trigger", "zoo/a")[1] == "job 1\n  waits: zoo/a is settling\n"


def test_a_path_from_the_current_folder(
    daemon: Daemon, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the shell completes is what is meant, where it leads below a root."""
    (folder / "models" / "a.keras").touch()
    monkeypatch.chdir(folder / "state")
    for text in ("../models/a.keras", "a.keras"):
        run("trigger", text)
    paths = [json.loads(document)["model"]["path"] for document, _ in daemon.control.submitted]
    assert paths == [str(folder / "models" / "a.keras"), "a.keras"]


def test_a_refusal(daemon: Daemon, run: Run) -> None:
    """The reason is told and the exit code is that of a wrong use."""
    daemon.control.refusal = "zoo/a: outside the roots"
    code, _, err = run("trigger", "zoo/a")
    assert code == 2
    assert "zoo/a: outside the roots" in err


def test_without_a_daemon_it_is_spooled(folder: Path, run: Run) -> None:
    """The next start finds it."""
    code, out, _ = run("trigger", "zoo/a")
    (document,) = (folder / "state" / "spool" / "new").iterdir()
    assert code == 0
    assert str(document) in out
    assert json.loads(document.read_text())["model"] == {"path": "zoo/a"}


def test_a_spooled_document_is_told_to_scripts(folder: Path, run: Run) -> None:
    """Whatever the id holds: it is no part of the file's name."""
    code, out, _ = run("trigger", "zoo/a", "--id", "../a/b", "--json")
    (document,) = (folder / "state" / "spool" / "new").iterdir()
    assert (code, json.loads(out)) == (0, {"spooled": str(document)})
    assert json.loads(document.read_text())["id"] == "../a/b"
