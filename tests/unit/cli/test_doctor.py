"""``tflited doctor``: each finding is a line, and one wrong thing is an exit code."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tflited import toolchain
from tflited.cli import doctor, machine, unit
from tflited.cli.finding import Finding
from tflited.domain.broker import BrokerSettings
from tflited.settings.load import load

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensorflow's load, seconds long, is proven by every conversion test."""
    loads = Finding("tensorflow", is_ok=True, text="loads")
    monkeypatch.setattr(doctor, "_preload", lambda: loads)
    # What this machine is like is no matter here; tests/unit/cli/test_machine.py looks at it.
    monkeypatch.setattr(machine, "findings", lambda _: [])
    monkeypatch.setattr(unit, "findings", list)


def test_a_right_machine(run: Run) -> None:
    """Everything is marked good."""
    code, out, _ = run("doctor")
    assert code == 0
    assert "[+] root models" in out
    assert "[-]" not in out


def test_without_tflm_nothing_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra; the line says what stays unverified and how to install it."""
    versions = {**toolchain.versions(), "tflite-micro": toolchain.ABSENT}
    monkeypatch.setattr(toolchain, "versions", lambda: versions)
    code, out, _ = run("doctor")
    (line,) = [line for line in out.splitlines() if "] tflite-micro" in line]
    assert line.startswith("[+] tflite-micro: absent")
    assert "unverified" in line
    assert "pip install --pre tflite-micro" in line
    assert code == 0


def test_with_tflm_it_is_loaded(run: Run) -> None:
    """The package is installed here, and really imported in a process of its own."""
    _, out, _ = run("doctor")
    assert "[+] tflite-micro: loads; a pre-release" in out


def test_a_missing_library_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every build needs is no extra."""
    versions = {**toolchain.versions(), "numpy": toolchain.ABSENT}
    monkeypatch.setattr(toolchain, "versions", lambda: versions)
    code, out, _ = run("doctor")
    assert "[-] toolchain" in out
    assert code == 1


def test_a_root_that_is_not_there(folder: Path, run: Run) -> None:
    """It is named with what to do."""
    shutil.rmtree(folder / "models")
    code, out, _ = run("doctor")
    assert code == 1
    assert "[-] root models" in out
    assert "create it" in out


def test_without_a_compiler_nothing_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """C arrays are text; the line says what is not checked."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    code, out, _ = run("doctor")
    assert "[+] C compiler: absent; C arrays are written all the same" in out
    assert code == 0


def test_a_broker_that_answers_and_one_that_does_not() -> None:
    """The broker is asked for a connection and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        settings = BrokerSettings(url=f"redis://127.0.0.1:{port}")
        there = doctor._broker(settings)
    gone = doctor._broker(settings)
    assert (there.is_ok, there.text) == (True, f"redis at redis://127.0.0.1:{port} answers")
    assert not gone.is_ok
    assert f"127.0.0.1:{port}" in gone.text
    assert "broker.url" in gone.text


def test_uploads_need_a_folder_that_can_be_written(tmp_path: Path) -> None:
    """It is made when it is missing; a file in its place is told."""
    main_file = tmp_path / "tflited.toml"
    main_file.write_text('[http.uploads]\nroot = "in"\n\n[[root]]\nname = "in"\npath = "in"\n')
    (tmp_path / "in").mkdir()
    loaded = load(path=main_file)
    assert loaded.http.uploads is not None
    assert doctor._uploads(loaded, loaded.http.uploads).is_ok

    (tmp_path / "in" / "uploads").write_text("in the way")
    finding = doctor._uploads(loaded, loaded.http.uploads)
    assert (finding.is_ok, "cannot be written" in finding.text) == (False, True)
