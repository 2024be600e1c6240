"""The command of a document: run by a shell, it sends the same document."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tflited.cli import main
from tflited.pages.asking.command import command
from tflited.pages.asking.document import asked
from tflited.pages.asking.fields import POLICY


def sent(line: str, folder: Path) -> dict[str, Any]:
    """What the command sends: without a daemon it lies in the spool."""
    program, *arguments = shlex.split(line)
    assert program == "tflited"
    assert main([*arguments, "--directory", str(folder)]) == 0
    (document,) = (folder / "state" / "spool" / "new").iterdir()
    found: dict[str, Any] = json.loads(document.read_text())
    del found["id"]
    return found


@pytest.mark.parametrize(
    "typed",
    [
        {"model.path": ['zoo/it\'s a "net" $HOME'], "save_to": ["a b/c"], "priority": ["9"]},
        {"model.hub": ["https://a.b/c"], "model.input_shape": ["x=1,4\ny=2"], "force": ["true"]},
        {
            "model.path": ["zoo/net"],
            "model.type": ["keras"],
            "policy.name": ["mobile"],
            f"{POLICY}.variants": ["int8", "float32"],
            f"{POLICY}.input_shape": ["größe x=1,4"],
            f"{POLICY}.ops": ["TFLITE_BUILTINS", "SELECT_TF_OPS"],
            f"{POLICY}.concrete_function": ["false"],
            f"{POLICY}.prune.sparsity": ["0.5"],
            f"{POLICY}.c_array.symbol": ["g_{model}"],
            f"{POLICY}.calibration.data": ["cal/*.npz"],
            POLICY: ['[[mixed]]\nform = "float32"\nscope = "a\\\\b"'],
        },
    ],
)
def test_the_command_asks_for_the_same(tmp_path: Path, typed: dict[str, list[str]]) -> None:
    """Names with spaces and quotes, shapes, lists, tables and numbers survive the shell."""
    document = dict(asked(typed).document)
    expected = {"priority": 5, "force": False, **document}
    found = sent(command(document), tmp_path)
    if "policy" in found:
        expected["policy"] = {"name": None, **expected["policy"]}
    assert found == expected


def test_what_cannot_be_typed_has_no_command() -> None:
    """A line that would show something else than it does is not shown at all."""
    assert not command({"version": 1, "model": {"path": "a\u202eb"}})
