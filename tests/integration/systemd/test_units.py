"""The unit files as systemd's own tools read them, and that the docs quote them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from programs import requires_program

REPOSITORY = Path(__file__).parents[3]
UNIT = REPOSITORY / "systemd" / "tflited.service"
DOCS = REPOSITORY / "docs" / "systemd.md"
NEEDS_ANALYZE = requires_program("systemd-analyze", "apt-get install systemd")


def verify(text: str, folder: Path) -> str:
    """What systemd-analyze says about a unit whose program exists here."""
    copy = folder / "tflited.service"
    copy.write_text(text.replace("/usr/bin/tflited", str(shutil.which("true"))))
    command = ["systemd-analyze", "verify", "--man=no", str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


@NEEDS_ANALYZE
def test_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    """Unknown keys and wrong values give a warning and exit 0, so silence is what counts."""
    assert not verify(UNIT.read_text(), tmp_path)


@NEEDS_ANALYZE
@pytest.mark.parametrize("line", ["ProtectEverything=yes", "ProtectSystem=sometimes"])
def test_the_check_would_notice(tmp_path: Path, line: str) -> None:
    """A misspelt key or value is told, so the silence above means something."""
    assert verify(UNIT.read_text().replace("[Service]", f"[Service]\n{line}"), tmp_path)


@NEEDS_ANALYZE
def test_the_exposure_stays_low(tmp_path: Path) -> None:
    """A line that weakens the sandbox shows here; 2.5 leaves room between systemd versions."""
    unit = shutil.copy(UNIT, tmp_path)
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(unit)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout[-500:]


@requires_program("systemd-sysusers", "apt-get install systemd")
def test_sysusers_makes_user_and_group() -> None:
    """A dry run reads the file and names both, or says that they are there already."""
    command = ["systemd-sysusers", "--dry-run", str(REPOSITORY / "systemd/sysusers.d/tflited.conf")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    assert "Failed" not in result.stderr


def test_the_docs_quote_the_unit() -> None:
    """Every directive that the docs' table begins with stands in the unit as told."""
    told = re.findall(r"^\| `([A-Z]\w+=[^`]*)`", DOCS.read_text(), re.MULTILINE)
    lines = set(UNIT.read_text().splitlines())

    assert len(told) >= 20
    assert [each for each in told if each not in lines] == []


@pytest.mark.parametrize(
    "directive", ["Type=notify", "KillMode=mixed", "RestartPreventExitStatus=3"]
)
def test_what_the_daemon_relies_on(directive: str) -> None:
    """The code sends READY=1, drains its own children and exits 3 when it cannot start."""
    assert directive in UNIT.read_text().splitlines()
