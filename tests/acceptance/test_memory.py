"""A build that takes all memory of the unit on a build host: it ends, and nothing else."""

from pathlib import Path

from acceptance.build_host import UNIT, BuildHost
from acceptance.drops import drop, wait_for
from waiting import wait_until

LIMIT_BYTES = 1500 << 20
"""Above what daemon, zygote and the build of a small model need, below what the hog takes."""
ACCOUNTS = (
    "/sys/fs/cgroup/tflited.slice/{unit}/memory.max",
    "/sys/fs/cgroup/memory/tflited.slice/{unit}/memory.limit_in_bytes",
)


def limit_in_force(host: BuildHost) -> int:
    """What the kernel holds for the unit, in bytes; systemd tells only what it was asked for."""
    files = [host.path(name.format(unit=UNIT)) for name in ACCOUNTS]
    return int(next(file for file in files if file.is_file()).read_text())


def test_a_hog_costs_its_attempt_alone(service: BuildHost, models: Path) -> None:
    """The kernel ends the child; the daemon and its zygote live, and go on with the next model."""
    service.drop_in(f"MemoryMax={LIMIT_BYTES}\nMemorySwapMax=0")
    service.run("systemctl restart tflited")
    assert limit_in_force(service) == LIMIT_BYTES
    daemon = service.show("MainPID")

    name = drop(service, models / "hog.keras", "hog.keras")
    failure = wait_until(
        lambda: (service.why(name).get("job") or {}).get("failure") or {}, 400, what="a failure"
    )
    assert failure["code"] == "out_of_memory"
    assert "SIGKILL" in failure["message"]  # no allocation that failed: somebody ended it
    small = drop(service, models / "digits.keras", "beside.keras")
    wait_for(service, small, "published")
    assert service.show("MainPID") == daemon
    assert service.show("NRestarts") == "0"
