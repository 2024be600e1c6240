"""``tflited plan``: with a daemon and without one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from tree_copy import copy_tree

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("daemon")
def test_asks_the_daemon(run: Run) -> None:
    """Its answer is the table."""
    code, out, _ = run("plan")
    assert code == 0
    assert "build" in out
    assert "zoo/vision/net.keras" in out


def test_looks_itself_without_a_daemon(folder: Path, run: Run) -> None:
    """One look at the disk finds the model; nothing is written."""
    copy_tree(zoo.digits().model, folder / "models" / "digits")
    code, out, _ = run("plan", "--json")
    (entry,) = json.loads(out)
    assert code == 0
    assert entry["model"] == {"root": "models", "path": "digits"}
    assert entry["action"] == "build"
    assert sorted(path.name for path in folder.iterdir()) == ["models", "state"]


def test_nothing_to_do(run: Run) -> None:
    """An empty root is told in words."""
    assert run("plan")[1] == "nothing to do for 0 models\n"


def test_a_draft_shows_what_it_would_do(folder: Path, run: Run) -> None:
    """The folder's own file stays as it is, and the draft may lie anywhere."""
    copy_tree(zoo.digits().model, folder / "models" / "a" / "digits")
    copy_tree(zoo.digits().model, folder / "models" / "b" / "digits")
    draft = folder / "draft.toml"
    draft.write_text('model_type = "keras"\n')
    _, out, _ = run("plan", "--json", "--with", str(draft), "--folder", "models/a")
    actions = {entry["model"]["path"]: entry["action"] for entry in json.loads(out)}
    assert actions == {"a/digits": "refuse", "b/digits": "build"}


def test_a_wrong_draft_is_told(folder: Path, run: Run) -> None:
    """As the daemon would tell it of the folder's file."""
    copy_tree(zoo.digits().model, folder / "models" / "digits")
    draft = folder / "draft.toml"
    draft.write_text("colour = 1\n")
    _, out, _ = run("plan", "--with", str(draft), "--folder", str(folder / "models"))
    assert "draft.toml" in out
    assert "colour" in out


def test_a_draft_needs_a_folder_of_a_root(folder: Path, run: Run) -> None:
    """Elsewhere it would hold for nothing."""
    (folder / "draft.toml").write_text("")
    code, _, err = run("plan", "--with", str(folder / "draft.toml"), "--folder", "/usr")
    assert code == 2
    assert "no folder of a root" in err


@pytest.mark.usefixtures("daemon")
def test_offline_does_not_ask_the_daemon(run: Run) -> None:
    """It knows the configuration from before the edit."""
    assert run("plan", "--offline")[1] == "nothing to do for 0 models\n"
