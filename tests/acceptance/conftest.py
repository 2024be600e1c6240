"""One package and one booted build host for every test of this folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.build_host import BuildHost, booted, make_system
from programs import find_program, skip_or_fail

REPOSITORY = Path(__file__).parents[2]
BUILD = REPOSITORY / "build"


@pytest.fixture(scope="session")
def package() -> Path:
    """The Debian package of this checkout; ``TFLITED_PACKAGE`` names one that is built already."""
    if built := os.environ.get("TFLITED_PACKAGE"):
        return Path(built)
    find_program("dpkg-deb", "apt-get install dpkg")
    command = [sys.executable, "packaging/deb.py", "--compression=none"]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def system() -> Path:
    """A Debian with systemd, unpacked."""
    find_program("mmdebstrap", "apt-get install mmdebstrap")
    directory = BUILD / "hosts"
    directory.mkdir(parents=True, exist_ok=True)
    return make_system(directory)


@pytest.fixture(scope="session")
def installed(host: BuildHost) -> dict[str, str]:
    """How things stood right after the installation."""
    return host.installed


@pytest.fixture(scope="session")
def host(
    package: Path, system: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BuildHost]:
    """A booted machine with the package installed, nothing started, and alice in the group."""
    find_program("systemd-nspawn", "apt-get install systemd-container")
    if os.geteuid() != 0:
        skip_or_fail("only root boots a system: sudo make acceptance")
    log = tmp_path_factory.mktemp("host") / "console.log"
    with booted(system, package.parent, log) as machine:
        machine.run(f"dpkg --install /opt/shared/{package.name}")
        machine.installed = {
            "enabled": machine.run("systemctl is-enabled tflited", check=False).strip(),
            "active": machine.run("systemctl is-active tflited.socket", check=False).strip(),
            "folder": machine.run("stat --format='%A %U %G' /srv/tflited/models").strip(),
            "check": machine.run("tflited config check >/dev/null; echo $?").strip(),
        }
        machine.run("useradd --create-home --groups tflited alice")
        yield machine
