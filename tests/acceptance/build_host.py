"""A build host: a Debian with systemd as its first process, in a container without a network.

``mmdebstrap`` makes the system once, ``systemd-nspawn`` boots a throw-away copy. The machine itself
needs neither systemd nor a container runtime, only root.
"""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from acceptance.cgroups import end, own_group, remove
from tflited.cli.client import Client
from tflited.errors import DaemonUnreachableError
from waiting import wait_until

PACKAGES: Final = ("systemd", "systemd-sysv", "dbus", "python3", "procps", "curl")
NSPAWN_FILTER: Final = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
"""systemd-nspawn 252 refuses Landlock unless its calls are named."""
BOOT_SECONDS: Final = 120
STOP_SECONDS: Final = 120
COMMAND_SECONDS: Final = 300
CONTROLLERS: Final = ("memory", "pids", "cpu", "cpuacct", "blkio")
UNIT: Final = "tflited.service"
SOCKET: Final = "/run/tflited/tflited.sock"
MODELS: Final = "/srv/tflited/models"


class BuildHost:
    """One booted machine.

    Args:
        system: the unpacked Debian; written to.
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

    def start(self, prefix: list[str]) -> None:
        """Boots, and waits until systemd has started everything.

        Args:
            prefix: what the command line of the machine begins with.
        """
        # It must not outlive these tests, however they end: SIGTERM powers the machine off.
        command = [*prefix, "setpriv", "--pdeathsig=TERM", "systemd-nspawn"]
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                [
                    *command,
                    "--quiet",
                    f"--directory={self._system}",
                    f"--machine={self._system.name}",
                    "--register=no",
                    "--keep-unit",
                    "--private-network",
                    "--boot",
                    "--console=pipe",
                    "--link-journal=no",
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
        if self._nspawn is None:
            return
        if self._leader:
            with suppress(subprocess.TimeoutExpired):
                self.run("systemctl poweroff", check=False, seconds=STOP_SECONDS)
        try:
            self._nspawn.wait(STOP_SECONDS if self._leader else 0)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def run(
        self, command: str, *, user: str = "", check: bool = True, seconds: float = COMMAND_SECONDS
    ) -> str:
        """Runs a shell command inside; gives what it prints, errors included.

        Args:
            command: for ``sh -c``.
            user: who runs it; root when empty.
            check: whether an exit status other than 0 fails the test.
            seconds: after which it is killed, and the test fails.
        """
        words = ["sh", "-c", command]
        if user:
            words = ["runuser", "-u", user, "--", *words]
        done = subprocess.run(
            [*self.inside, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
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

    def is_active(self, unit: str = UNIT) -> bool:
        """Whether a unit runs."""
        return self.show("ActiveState", unit) == "active"

    def drop_in(self, text: str, unit: str = UNIT) -> None:
        """Replaces the test's drop-in of a unit."""
        folder = self.path(f"/etc/systemd/system/{unit}.d")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "test.conf").write_text(f"[Service]\n{text}\n")
        self.run("systemctl daemon-reload")

    def get(self, path: str, /, *, socket: str = SOCKET, **query: str | int) -> Any:
        """Reads a resource of the daemon inside; None while nothing answers.

        Over its control socket, since a program that is started for each look would take the
        processors from what is waited for.
        """
        try:
            return Client(self.path(socket)).get(f"/api/v1/{path}", **query)
        except DaemonUnreachableError:
            return None

    def why(self, model: str) -> dict[str, Any]:
        """The daemon's answer about a model of the packaged root; empty while nothing answers."""
        return self.get("why", path=f"{MODELS}/{model}") or {}

    def journal(self, *words: str) -> list[dict[str, Any]]:
        """Entries of the journal that match, each with all of its fields."""
        self.run("journalctl --sync")
        text = self.run(f"journalctl --output=json --all {' '.join(words)}")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

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
    """Makes a Debian system of this machine's release, from its mirror, unless it is there.

    Args:
        directory: of all systems.
    """
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    system = directory / f"{release}-{'-'.join(PACKAGES)}"
    if not system.is_dir():
        fresh = system.with_name(f"{system.name}.{os.getpid()}")
        include = f"--include={','.join(PACKAGES)}"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", include, release, str(fresh)]
        subprocess.run([*command, *_mirrors(release)], check=True)
        fresh.rename(system)
    return system


def _mirrors(release: str) -> list[str]:
    """Where this machine's apt gets the release from; mmdebstrap has a default without one."""
    ask = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    rows = [line.split() for line in done.stdout.splitlines()]
    return sorted({uri for name, uri in rows if name == release})[:1]


@contextmanager
def booted(system: Path, shared: Path, log: Path) -> Iterator[BuildHost]:
    """A machine for the length of a block, on a copy of a system.

    Args:
        system: what ``make_system`` gave.
        shared: a folder of ours that the machine sees read-only as ``/opt/shared``.
        log: what the machine writes to its console.
    """
    copy = system.with_name(f"host-{os.getpid()}-{system.name.partition('-')[0]}")
    for left in system.parent.glob("host-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():  # of tests that were killed
            end(left.name)
            remove(left.name)
            shutil.rmtree(left)
    host = BuildHost(copy, shared, log)
    try:
        # Not an overlay in memory: two versions of the package are 5 GB.
        subprocess.run(["cp", "--archive", "--reflink=auto", str(system), str(copy)], check=True)
        with own_group(copy.name) as prefix:
            try:
                host.start(prefix)
                yield host
            finally:
                host.stop()
    finally:
        shutil.rmtree(copy, ignore_errors=True)
