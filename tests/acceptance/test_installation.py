"""The package on a build host: installed, upgraded with jobs in the queue, removed and purged."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.build_host import MODELS, BuildHost
from acceptance.conftest import INSTALL
from acceptance.drops import PUBLISHED, drop, wait_for
from acceptance.packages import under_version
from tflited.assembly import STORE_NAME

QUEUED = 5
"""More than are built at once, so that some wait when the upgrade begins."""
VERSION = "dpkg-query --show --showformat='${Version}' tflited"


def test_the_installation_starts_nothing(host: BuildHost) -> None:
    """User, drop folder and configuration are there; no unit is enabled or active."""
    assert host.installed["enabled"] == "disabled"
    assert host.installed["active"] == "inactive"
    assert host.installed["folder"] == "drwxrwsr-x tflited tflited"
    assert host.installed["check"] == "0"


def test_the_manual_is_installed(service: BuildHost) -> None:
    """One page for the program and for each command, as ``man`` looks for them."""
    names = set(service.run("ls /usr/share/man/man1").split())
    assert {"tflited.1.gz", "tflited-why.1.gz", "tflited-state-backup.1.gz"} <= names


@pytest.fixture(scope="module")
def newer(package: Path) -> Iterator[str]:
    """The name of the same package under a higher version."""
    path = package.with_name("tflited_newer.deb")
    under_version(package, "1:", path)
    yield path.name
    path.unlink()


def test_an_upgrade_keeps_configuration_and_queue(
    service: BuildHost, newer: str, models: Path
) -> None:
    """Jobs that were queued under the old version are published by the new one."""
    service.run("echo '# mine' >> /etc/tflited/tflited.toml")
    was = service.run(VERSION)
    names = [
        drop(service, models / "mobilenet.keras", f"queued-{number}.keras")
        for number in range(QUEUED)
    ]
    jobs = {wait_for(service, name, "queued", "building")["job"]["id"] for name in names}
    service.run(INSTALL.format(newer))

    assert service.run(VERSION) == f"1:{was}"
    assert service.is_active()
    assert service.is_active("tflited.socket")
    done = [wait_for(service, name, "published")["job"] for name in names]
    assert {job["id"] for job in done} == jobs
    began = service.get("status")["started_at"]
    order = [(job["created_at"], job["started_at"]) for job in done]
    assert any(created < began < started for created, started in order), f"{began}: {order}"
    assert "# mine" in service.run("cat /etc/tflited/tflited.toml")


def test_a_removal_keeps_and_a_purge_removes_state(service: BuildHost, models: Path) -> None:
    """What users dropped and what was published for them is theirs, whatever goes."""
    name = drop(service, models / "digits.keras", "kept.keras")
    wait_for(service, name, "published")
    service.run("dpkg --remove tflited")
    assert service.path(f"/var/lib/tflited/{STORE_NAME}").is_file()
    assert service.path("/etc/tflited/tflited.toml").is_file()
    assert not service.path("/opt/tflited/bin").exists()

    service.run("dpkg --purge tflited")
    assert not service.path("/var/lib/tflited").exists()
    assert not service.path("/etc/tflited").exists()
    assert not service.path("/opt/tflited").exists()
    assert service.path(f"{MODELS}/{name}").is_file()
    assert service.path(f"{PUBLISHED}/{name}/manifest.json").is_file()
