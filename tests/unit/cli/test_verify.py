"""``tflited verify``: exit codes, the table, and the document for programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.samples import a_job, a_left_set, a_publish_key
from tflited.cli import main
from tflited.domain.policy import Policy
from tflited.output.tree import OutputTree

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command, which reads no configuration."""

    def run_command(*arguments: object) -> tuple[int, str, str]:
        code = main(["verify", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run_command


@pytest.fixture
def place(folder: Path) -> Path:
    """A published set."""
    report = a_left_set(folder / "scratch")
    tree = OutputTree(folder / "output", reserve_bytes=0)
    return tree.publish(a_job(), Policy(), a_publish_key(), report, folder / "scratch").directory


@pytest.mark.usefixtures("place")
def test_a_whole_tree(run: Run, folder: Path) -> None:
    """Exit code 0 and one line."""
    code, out, _ = run(folder / "output")
    assert code == 0
    assert out.startswith("1 sets, 4 files, ")
    assert out.endswith("all as listed\n")


def test_a_damaged_file(run: Run, folder: Path, place: Path) -> None:
    """Exit code 1, and a row that names it."""
    (place / "float32" / "mobilenet.tflite").write_bytes(b"x")
    code, out, _ = run(folder / "output")
    assert code == 1
    assert "float32/mobilenet.tflite" in out
    assert "size" in out
    code, out, _ = run(folder / "output", "--json")
    document = json.loads(out)
    assert code == 1
    assert document["sets"] == 1
    assert document["findings"][0]["fault"] == "size"


@pytest.mark.parametrize("name", ["missing", "models"])
def test_nothing_to_verify(run: Run, folder: Path, name: str) -> None:
    """A wrong path, or a folder without sets, is no clean bill."""
    code, _, error = run(folder / name)
    assert code == 1
    assert "name an output tree" in error
