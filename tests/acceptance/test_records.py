"""Records of a service that systemd runs: copied while it works, checked, put back."""

from pathlib import Path

import pytest

from acceptance.build_host import MODELS, BuildHost
from acceptance.drops import drop, wait_for
from tflited.assembly import STORE_NAME

STATE = "/var/lib/tflited"
COPY = "/var/lib/tflited/copy.tar"
AS_SERVICE = "tflited"


@pytest.fixture
def copied(service: BuildHost, models: Path) -> int:
    """A copy was made in the middle of a build; gives the job of that build."""
    name = drop(service, models / "mobilenet.keras", "copied.keras")
    job = wait_for(service, name, "building")["job"]["id"]
    service.run(f"rm -f {COPY}")
    told = service.run(f"tflited state backup {COPY}", user=AS_SERVICE)
    assert "jobs and 0 files beside them" in told
    assert wait_for(service, name, "building")  # it went on meanwhile
    return int(job)


def test_a_copy_goes_on_with_its_jobs(service: BuildHost, copied: int) -> None:
    """The job that was under way when it was made is done after it was put back."""
    assert "whole" in service.run(f"tflited state check {COPY}", user=AS_SERVICE)
    assert "whole" in service.run("tflited state check", user=AS_SERVICE)
    service.run("systemctl kill --signal=KILL tflited; systemctl stop tflited", check=False)
    told = service.run(f"tflited state restore {COPY}", user=AS_SERVICE, check=False)
    assert "exists, and nothing is replaced" in told

    service.run(f"rm -f {STATE}/{STORE_NAME}*")
    service.run(f"tflited state restore {COPY}", user=AS_SERVICE)
    service.run("systemctl reset-failed; systemctl start tflited.socket tflited")
    assert wait_for(service, "copied.keras", "published")["job"]["id"] == copied


def test_a_store_of_a_newer_release_is_refused(service: BuildHost) -> None:
    """The daemon does not start on it, says so once, and leaves it as it is."""
    service.run("systemctl stop tflited")
    store = f"{STATE}/{STORE_NAME}"
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2])"
    change = f"python3 -c '{program}' {store} 'PRAGMA user_version = {{}}'"
    version = service.run(f"od -An -j60 -N4 --endian=big -tu4 {store}").strip()
    service.run(change.format(999), user=AS_SERVICE)
    try:
        service.run("systemctl start tflited", check=False)
        assert service.show("ExecMainStatus") == "3"
        assert service.show("NRestarts") == "0"
        assert "999" in service.run("tflited state check", user=AS_SERVICE, check=False)
    finally:
        service.run(change.format(version), user=AS_SERVICE)
    service.run("systemctl reset-failed; systemctl start tflited.socket tflited")


def test_the_doctor_finds_nothing(service: BuildHost) -> None:
    """On a machine as the package leaves it, asked by the service's own user."""
    told = service.run("tflited doctor", user=AS_SERVICE, check=False)
    assert "[-]" not in told, told
    for name in ("systemd", "interpreter", "generated code", "Landlock", "owners of root models"):
        assert f"[+] {name}" in told


def test_the_doctor_finds_a_wrong_drop_folder(service: BuildHost) -> None:
    """Without the bit a member's file has the member's own group."""
    service.run(f"chmod g-s {MODELS}")
    try:
        told = service.run("tflited doctor", user=AS_SERVICE, check=False)
        assert "[-] owners of root models: drwxrwxr-x tflited:tflited; members' files" in told
        assert f"chmod g+s {MODELS}" in told
    finally:
        service.run(f"chmod g+s {MODELS}")
