"""The doctor's look at systemd and the installed unit."""

from pathlib import Path

import pytest

from tflited.cli import unit

CLOSED = unit.parse("ProtectHome=yes\nMemoryDenyWriteExecute=yes\nEnvironment=A=1 B=2\n")


@pytest.mark.parametrize(
    ("text", "is_ok"),
    [("systemd 252 (252.39-1~deb12u1)\n+PAM", True), ("systemd 249 (249.11)", False), ("", False)],
)
def test_the_version(text: str, *, is_ok: bool) -> None:
    """As systemd itself tells it."""
    assert unit.version(text).is_ok is is_ok


@pytest.mark.parametrize("home", unit.HIDDEN_BY_PROTECT_HOME)
def test_an_interpreter_in_a_home_folder(home: str) -> None:
    """It works on the command line and is not there for the unit."""
    program = Path(home) / "build" / "bin" / "python"
    found = unit.interpreter(CLOSED, program)
    assert not found.is_ok
    assert "ProtectHome=" in found.text
    assert unit.interpreter({"ProtectHome": "no"}, program).is_ok
    assert unit.interpreter(CLOSED, Path("/opt/tflited/bin/python")).is_ok


def test_generated_code_under_a_unit_that_forbids_it() -> None:
    """The variable that keeps TensorFlow from it must stand in the unit."""
    found = unit.generated_code(CLOSED)
    assert not found.is_ok
    assert unit.WITHOUT_ONEDNN in found.text
    told = {**CLOSED, "Environment": f"A=1 {unit.WITHOUT_ONEDNN}"}
    assert unit.generated_code(told).is_ok
    assert unit.generated_code({"MemoryDenyWriteExecute": "no"}).is_ok


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container without it is no fault."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert list(unit.findings()) == []
