"""The doctor's look at the machine, on real folders and the real kernel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from programs import requires_program
from tflited.cli import machine
from tflited.settings.load import load


def test_everything_is_looked_at(tmp_path: Path) -> None:
    """One finding for each thing that a daemon depends on."""
    loaded = load(directory=tmp_path)
    names = {finding.name for finding in machine.findings(loaded)}
    assert {"Landlock", "inotify watches", "inotify instances"} <= names
    assert {"room for output", "room for state"} <= names


def test_a_kernel_without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding tells what to boot."""

    def none() -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(machine, "abi", none)
    found = machine.landlock()
    assert not found.is_ok
    assert "Function not implemented" in found.text
    assert "lsm=landlock" in found.text


@pytest.mark.parametrize(("least", "is_ok"), [(1, True), (1 << 62, False)])
def test_a_limit_of_the_kernel(least: int, *, is_ok: bool) -> None:
    """One that is too low comes with the command that raises it."""
    found = machine.kernel_limit("max_user_watches", least)
    assert found.is_ok is is_ok
    assert ("sysctl fs.inotify.max_user_watches=" in found.text) is not is_ok


@requires_program("unshare", "apt-get install util-linux")
def test_a_folder_mounted_noexec(tmp_path: Path) -> None:
    """TensorFlow's libraries could not be loaded there; the interpreter's own folder is fine."""
    look = (
        "import machine; import pathlib, sys; print(machine.executable(pathlib.Path(sys.argv[1])))"
    )
    script = 'mount -t tmpfs -o noexec none "$1" && shift && exec "$@"'
    python = [sys.executable, "-c", f"from tflited.cli {look}", str(tmp_path)]
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*command, str(tmp_path), *python], capture_output=True, text=True, check=False
    )
    assert "is_ok=False, text='mounted noexec" in done.stdout, done.stderr
    assert machine.executable(Path(os.__file__).parent).is_ok


@pytest.mark.parametrize(("least", "is_ok"), [(1, True), (1 << 62, False)])
def test_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, *, is_ok: bool) -> None:
    """The nearest folder that is there is asked: output and state may not be made yet."""
    monkeypatch.setattr(machine, "LEAST_FREE_BYTES", least)
    found = machine.room("output", tmp_path / "not" / "yet")
    assert found.is_ok is is_ok
    assert str(tmp_path) in found.text
    assert ("[daemon]" in found.text) is not is_ok


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0o755, ""), (0o2775, ""), (0o1777 | 0o2000, ""), (0o775, "g+s"), (0o2777, "o-w")],
)
def test_owners_of_a_drop_folder(tmp_path: Path, mode: int, expected: str) -> None:
    """A folder for a group needs the bit that gives new files its group; none is for anybody."""
    tmp_path.chmod(mode)
    found = machine.owners("models", tmp_path)
    assert found.is_ok is not bool(expected)
    assert expected in found.text
