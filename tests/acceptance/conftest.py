"""One package and one booted build host for every test of this folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.build_host import MODELS, UNIT, BuildHost, booted, make_system
from programs import find_program, skip_or_fail

REPOSITORY = Path(__file__).parents[2]
HOSTS = REPOSITORY / ".cache" / "hosts"
TEST_SECONDS = 1800
INSTALL = "dpkg --force-unsafe-io --install /opt/shared/{}"
"""Without a sync for each of 40,000 files: the machine is thrown away."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test also waits for the package and the boot, and a shared machine may be slow."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture(scope="session")
def package() -> Path:
    """The Debian package of this checkout; ``TFLITED_PACKAGE`` names one that is built already."""
    if built := os.environ.get("TFLITED_PACKAGE"):
        return Path(built).resolve()
    find_program("dpkg-deb", "apt-get install dpkg")
    command = [sys.executable, "packaging/deb.py", "--compression=none"]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def system() -> Path:
    """A Debian with systemd, unpacked: the release of this machine, as the package is."""
    find_program("mmdebstrap", "apt-get install mmdebstrap")
    find_program("systemd-nspawn", "apt-get install systemd-container")
    if os.geteuid() != 0:
        skip_or_fail("only root boots a system: sudo make acceptance")
    HOSTS.mkdir(parents=True, exist_ok=True)
    return make_system(HOSTS)


@pytest.fixture(scope="session")
def host(
    system: Path, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BuildHost]:
    """A booted machine with the package installed, nothing started, and alice in the group."""
    log = tmp_path_factory.mktemp("host") / "console.log"
    with booted(system, package.parent, log) as machine:
        machine.run(INSTALL.format(package.name))
        machine.installed = {
            "enabled": machine.run("systemctl is-enabled tflited", check=False).strip(),
            "active": machine.run("systemctl is-active tflited.socket", check=False).strip(),
            "folder": machine.run("stat --format='%A %U %G' /srv/tflited/models").strip(),
            "check": machine.run("tflited config check >/dev/null; echo $?").strip(),
        }
        machine.run("useradd --create-home --groups tflited alice")
        yield machine


@pytest.fixture
def service(host: BuildHost, package: Path) -> Iterator[BuildHost]:
    """The host with the service installed as packaged, running, and no model."""
    host.run(f"dpkg --status tflited >/dev/null 2>&1 || {INSTALL.format(package.name)}")
    host.run("usermod --append --groups tflited alice")
    host.run(f"rm -rf /etc/systemd/system/{UNIT}.d && systemctl daemon-reload")
    host.run("systemctl reset-failed", check=False)
    host.run("systemctl enable --quiet tflited && systemctl restart tflited.socket tflited")
    yield host
    host.run(f"rm -rf {MODELS}/* {MODELS}/.tflited.toml")
    host.run("systemctl stop tflited", check=False)


@pytest.fixture(scope="session")
def models(host: BuildHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ``.keras`` files, for the host does without TensorFlow's own tools.

    ``digits`` is trained and built in seconds, ``mobilenet`` can be met in the middle of its
    build, and ``hog`` takes 2.4 GB when it is run.
    """
    folder = tmp_path_factory.mktemp("models")
    digits = [str(REPOSITORY / "examples/train_digits.py"), str(folder), "--format=keras"]
    others = [str(Path(__file__).with_name("models.py")), str(folder)]
    for words in (digits, others):
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return folder
