"""The unit files as systemd's own tools read them, and that the docs quote them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from programs import requires_program

REPOSITORY = Path(__file__).parents[3]
SYSTEMD = REPOSITORY / "systemd"
UNIT = SYSTEMD / "tflited.service"
CLUSTER = ("tflited-worker.service", "tflited-scheduler.service")
UNITS = ("tflited.service", "tflited.socket", "tflited.slice", "tflited@.service", *CLUSTER)
DOCS = REPOSITORY / "docs" / "systemd.md"
SCALING = REPOSITORY / "docs" / "scaling.md"
_TAKEN = ("Protect", "Private", "Capability", "NoNew", "Lock", "MemoryDeny", "Restrict", "Remove")
NEEDS_ANALYZE = requires_program("systemd-analyze", "apt-get install systemd")


def laid_out(folder: Path, drop_in: str = "") -> Path:
    """The units in a folder, with a program that exists here; gives the service's file.

    Args:
        folder: an empty one.
        drop_in: the name of one that is written behind the service, as systemd reads it.
    """
    for unit in UNITS:
        text = (SYSTEMD / unit).read_text().replace("/usr/bin/tflited", str(shutil.which("true")))
        (folder / unit.replace("@", "@name")).write_text(text)
    service = folder / "tflited.service"
    if drop_in:
        text = (SYSTEMD / "drop-ins" / drop_in).read_text()
        service.write_text(f"{service.read_text()}\n{text}")
    return service


def verify(folder: Path) -> str:
    """What systemd-analyze says about the units in a folder."""
    files = [str(path) for path in sorted(folder.iterdir())]
    command = ["systemd-analyze", "verify", "--man=no", *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


@NEEDS_ANALYZE
@pytest.mark.parametrize("drop_in", ["", "network.conf", "nfs.conf", "onednn.conf"])
def test_systemd_has_nothing_to_say(tmp_path: Path, drop_in: str) -> None:
    """Unknown keys and wrong values give a warning and exit 0, so silence is what counts."""
    laid_out(tmp_path, drop_in)
    assert not verify(tmp_path)


@NEEDS_ANALYZE
@pytest.mark.parametrize("line", ["ProtectEverything=yes", "ProtectSystem=sometimes"])
def test_the_check_would_notice(tmp_path: Path, line: str) -> None:
    """A misspelt key or value is told, so the silence above means something."""
    unit = laid_out(tmp_path)
    unit.write_text(unit.read_text().replace("[Service]", f"[Service]\n{line}"))
    assert verify(tmp_path)


@NEEDS_ANALYZE
@pytest.mark.parametrize("unit", ["tflited.service", "tflited@name.service"])
def test_the_exposure_is_below_one(tmp_path: Path, unit: str) -> None:
    """A line that weakens the sandbox shows here; the threshold is ten times the score."""
    laid_out(tmp_path)
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=9"]
    result = subprocess.run(
        [*command, str(tmp_path / unit)], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout[-500:]


@NEEDS_ANALYZE
def test_the_docs_state_the_exposure(tmp_path: Path) -> None:
    """Of the unit with each drop-in that other than a reload's kind changes something."""
    rows = re.findall(
        r"^\| `?(\(none\)|[\w-]+\.conf)`? \|.*\| ([0-9.]+) \|$", DOCS.read_text(), re.MULTILINE
    )
    assert {name for name, _ in rows} == {
        "(none)",
        *(path.name for path in (SYSTEMD / "drop-ins").iterdir()),
    }
    observed = []
    for number, (name, _) in enumerate(rows):
        folder = tmp_path / str(number)
        folder.mkdir()
        unit = laid_out(folder, "" if name == "(none)" else name)
        command = ["systemd-analyze", "security", "--offline=true", str(unit)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        scores = re.findall(r"exposure level for .*: ([0-9.]+)", result.stdout)
        observed.append((name, scores[0]))
    assert observed == rows


@NEEDS_ANALYZE
@pytest.mark.parametrize("unit", CLUSTER)
def test_the_docs_state_the_exposure_of_a_cluster(tmp_path: Path, unit: str) -> None:
    """They need the network, and nothing else that the daemon's unit forbids."""
    laid_out(tmp_path)
    command = ["systemd-analyze", "security", "--offline=true", str(tmp_path / unit)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    (score,) = re.findall(r"exposure level for .*: ([0-9.]+)", result.stdout)
    assert re.search(rf"^\| `{unit}` \|.*\| {score} \|$", SCALING.read_text(), re.MULTILINE)


@pytest.mark.parametrize("unit", CLUSTER)
def test_a_unit_of_the_cluster_differs_in_few_lines(unit: str) -> None:
    """What the daemon's unit takes away, they take away too, but for the network."""
    taken = {line for line in UNIT.read_text().splitlines() if line.startswith(_TAKEN)}
    kept = set((SYSTEMD / unit).read_text().splitlines())
    assert taken - kept <= {
        "PrivateNetwork=yes",
        "RestrictAddressFamilies=AF_UNIX",
        "RestrictNamespaces=user net ipc uts",
    }


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
