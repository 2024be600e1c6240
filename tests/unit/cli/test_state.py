"""``tflited state``: one copy made, checked and put back from the command line."""

from collections.abc import Callable
from pathlib import Path

from tflited.assembly import RECORDS
from tflited.store.queue import SqliteStore

Run = Callable[..., tuple[int, str, str]]


def test_there_and_back(folder: Path, run: Run, tmp_path: Path) -> None:
    """The folder is checked, copied, lost and restored."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    with SqliteStore(state / RECORDS.store):
        pass
    copy = tmp_path / "copy.tar"

    assert run("state", "check")[:2] == (0, f"{state / RECORDS.store}: whole, 0 jobs\n")
    assert "0 jobs and 0 files" in run("state", "backup", str(copy))[1]
    assert run("state", "restore", str(copy))[0] == 1  # nothing is replaced
    for path in state.glob("jobs.sqlite3*"):
        path.unlink()
    assert "goes on from there" in run("state", "restore", str(copy))[1]
    assert (state / RECORDS.store).is_file()


def test_a_file_that_is_no_copy(run: Run, tmp_path: Path) -> None:
    """Exit 1 and a sentence."""
    file = tmp_path / "copy.tar"
    file.write_text("no tar")
    code, _, err = run("state", "check", str(file))
    assert code == 1
    assert "no whole copy" in err
