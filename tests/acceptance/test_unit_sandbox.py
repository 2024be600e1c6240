"""What the unit refuses on a build host, each tried from inside, and the same without the unit."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.build_host import UNIT, BuildHost
from acceptance.probe import FAMILIES, WRITABLE

PROBE = "/opt/tflited/bin/python -I /usr/local/lib/probe.py"
PORT = 8999
CLOSED = (
    *("/", "/etc", "/usr", "/usr/lib", "/opt", "/opt/tflited", "/srv", "/srv/tflited/models"),
    *("/var", "/var/lib", "/home"),
)
"""Where a folder that anybody may write to is made: its place alone decides."""
FOLDERS = tuple(f"{folder.rstrip('/')}/probe-open" for folder in CLOSED)


@pytest.fixture
def prepared(service: BuildHost) -> Iterator[BuildHost]:
    """The host with the probe, its open folders, and a listener outside the unit."""
    shutil.copy(Path(__file__).with_name("probe.py"), service.path("/usr/local/lib/probe.py"))
    service.run("systemctl stop tflited")
    service.run(f"mkdir --mode=1777 {' '.join(FOLDERS)}")
    service.run(f"systemd-run --quiet --unit=listener python3 -m http.server {PORT}")
    yield service
    service.run(f"systemctl stop listener; rm -rf {' '.join(FOLDERS)}")


def answer(text: str) -> dict[str, str]:
    """What the probe printed, among other lines."""
    line = next(line for line in reversed(text.splitlines()) if line.startswith("{"))
    found: dict[str, str] = json.loads(line)
    return found


@pytest.fixture
def attempted(prepared: BuildHost) -> dict[str, str]:
    """What came of each attempt in the unit, where the probe takes the daemon's place."""
    probe = f"{PROBE} {PORT} {' '.join(FOLDERS)}"
    prepared.drop_in(f"Type=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart={probe}")
    prepared.run("systemctl start tflited", check=False)
    prepared.run("journalctl --sync")
    return answer(prepared.run(f"journalctl --unit={UNIT} --output=cat --lines=40"))


def test_the_unit_refuses_what_it_says(attempted: dict[str, str]) -> None:
    """Writes only where declared, nothing executed from there, no socket but unix ones."""
    done = {name for name, result in attempted.items() if result == "done"}
    assert done == {f"write {folder}" for folder in WRITABLE}
    unknown = {name for name, result in attempted.items() if result.startswith("not reached")}
    assert unknown == set()


def test_the_same_is_done_without_the_unit(prepared: BuildHost) -> None:
    """By the same user, so each refusal above is the unit's and nobody else's."""
    prepared.run("mkdir -p /run/tflited && chown tflited: /run/tflited")
    options = "--pipe --wait --quiet --uid=tflited --gid=tflited"
    may = "--property=AmbientCapabilities=CAP_NET_RAW"  # an AF_PACKET socket is not for anybody
    told = prepared.run(f"systemd-run {options} {may} {PROBE} {PORT} {' '.join(FOLDERS)}")
    found = answer(told)
    assert {name for name, result in found.items() if result != "done"} == set(), found
    assert len(found) == len(WRITABLE) * 3 + len(FOLDERS) + len(FAMILIES) + 5
