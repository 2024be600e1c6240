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
