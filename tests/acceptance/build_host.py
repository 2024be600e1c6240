"""A build host: a Debian with systemd as its first process, in a container without a network.

``mmdebstrap`` makes the system once, ``systemd-nspawn`` boots it over a throw-away overlay. The
machine itself needs neither systemd nor a container runtime, only root.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from waiting import wait_until

RELEASE: Final = "bookworm"
PACKAGES: Final = ("systemd", "systemd-sysv", "dbus", "python3", "procps", "curl")
NSPAWN_FILTER: Final = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
"""systemd-nspawn 252 refuses Landlock unless its calls are named."""
BOOT_SECONDS: Final = 60
STOP_SECONDS: Final = 30
CONTROLLERS: Final = ("memory", "pids", "cpu", "cpuacct", "blkio")
UNIT: Final = "tflited.service"


class BuildHost:
    """One booted machine.

    Args:
        system: the unpacked Debian; never written to.
        shared: a folder of ours that the machine sees read-only as ``/opt/shared``.
        log: what the machine writes to its console.
    """

    def __init__(self, system: Path, shared: Path, log: Path) -> None:
        self._system = system
        self._shared = shared
        self._log = log
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self.installed: dict[str, str] = {}

    def start(self) -> None:
        """Boots, and waits until systemd has started everything."""
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                [
                    "systemd-nspawn",
                    "--quiet",
                    f"--directory={self._system}",
                    f"--machine=tflited-{os.getpid()}",
                    "--register=no",
                    "--keep-unit",
                    "--private-network",
                    "--boot",
                    "--console=pipe",
                    "--link-journal=no",
                    "--volatile=overlay",
                    f"--system-call-filter={NSPAWN_FILTER}",
                    f"--bind-ro={self._shared}:/opt/shared",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._has_booted, BOOT_SECONDS, what=f"a booted system, see {self._log}")
        self._open_controllers()

    def stop(self) -> None:
        """Powers off; a machine that does not do so in time is killed."""
        assert self._nspawn is not None
        if self._leader:
            self.run("systemctl poweroff", check=False)
        try:
            self._nspawn.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def run(self, command: str, *, user: str = "", check: bool = True) -> str:
        """Runs a shell command inside; gives what it prints, errors included.

        Args:
            command: for ``sh -c``.
            user: who runs it; root when empty.
            check: whether an exit status other than 0 fails the test.
        """
        words = ["sh", "-c", command]
        if user:
            words = ["runuser", "-u", user, "--", *words]
        done = subprocess.run(
            [*self.inside, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    @property
    def inside(self) -> list[str]:
        """What a command line begins with to run inside."""
        return ["nsenter", "--target", str(self._leader), "--all"]

    @property
    def network(self) -> list[str]:
        """What a command line begins with to see only the network of the machine."""
        return ["nsenter", "--target", str(self._leader), "--net"]

    def path(self, inside: str) -> Path:
        """Where a file of the machine is for us."""
        return Path(f"/proc/{self._leader}/root") / inside.lstrip("/")

    def show(self, name: str, unit: str = UNIT) -> str:
        """A property of a unit."""
        return self.run(f"systemctl show --property={name} --value {unit}").strip()

    def json(self, command: str) -> Any:
        """What a command prints, taken as JSON."""
        return json.loads(self.run(command))

    def drop_in(self, text: str, unit: str = UNIT) -> None:
        """Replaces the test's drop-in of a unit."""
        folder = self.path(f"/etc/systemd/system/{unit}.d")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "test.conf").write_text(f"[Service]\n{text}\n")
        self.run("systemctl daemon-reload")

    def why(self, model: str) -> dict[str, Any]:
        """The daemon's answer about a model of the packaged root."""
        answer: dict[str, Any] = self.json(f"tflited why --json {shlex.quote(model)}")
        return answer

    def _has_booted(self) -> bool:
        """Whether everything is started; nspawn's first child gives way to another before."""
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        found = children.read_text().split()
        self._leader = int(found[0]) if found else 0
        return bool(found) and self._is_running()

    def _is_running(self) -> bool:
        return self.run("systemctl is-system-running", check=False).strip() == "running"

    def _open_controllers(self) -> None:
        """On a hybrid of cgroup v1 and v2 nspawn mounts the controllers read-only."""
        for name in CONTROLLERS:
            if self.path(f"/sys/fs/cgroup/{name}").is_dir():
                target = ["nsenter", "--target", str(self._leader), "--mount", "--pid"]
                mount = f"mount -o remount,bind,rw /sys/fs/cgroup/{name}"
                subprocess.run([*target, *mount.split()], check=False, capture_output=True)
        self.run("systemctl daemon-reexec")  # otherwise memory limits are silently not applied
        wait_until(self._is_running, BOOT_SECONDS, what="systemd after it began anew")


def make_system(directory: Path) -> Path:
    """Makes the Debian system unless it is there."""
    system = directory / f"{RELEASE}-{'-'.join(PACKAGES)}"
    if not system.is_dir():
        fresh = system.with_name(f"{system.name}.{os.getpid()}")
        include = f"--include={','.join(PACKAGES)}"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", include, RELEASE, str(fresh)]
        subprocess.run(command, check=True)
        fresh.rename(system)
    return system


@contextmanager
def booted(system: Path, shared: Path, log: Path) -> Iterator[BuildHost]:
    """A machine for the length of a block."""
    host = BuildHost(system, shared, log)
    try:
        host.start()
        yield host
    finally:
        host.stop()
