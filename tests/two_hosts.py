"""Two hosts as network namespaces: the daemon's with the scheduler, the worker's, a cable between.

``namespaced.play`` starts this file as a program there. It prints one JSON object: what was seen.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import zoo
from certificates import authority
from clusters import Program, children, tls_options
from daemon_process import MAIN_FILE, DaemonProcess, processes
from tree_copy import copy_tree
from waiting import wait_until

HERE, THERE = "10.77.0.1", "10.77.0.2"
TTL_SECONDS = 15
SHORT_SECONDS = 4
LOST_SECONDS = 180
BUILD_SECONDS = 240


def run(*command: str) -> None:
    """Runs a program; it must work."""
    subprocess.run(command, check=True, capture_output=True)


class Cable:
    """A pair of virtual network devices, one end in this namespace, the other in a new one."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "3600"])
        own = Path("/proc/self/ns/net").readlink()
        space = Path(f"/proc/{self._holder.pid}/ns/net")
        wait_until(lambda: space.readlink() != own, 30, what="the other namespace")
        self.there = ("nsenter", f"--net={space}")
        ends = ("here", "type", "veth", "peer", "name", "there", "netns", str(self._holder.pid))
        run("ip", "link", "add", "name", *ends)
        for name, address, within in (("here", HERE, ()), ("there", THERE, self.there)):
            run(*within, "ip", "address", "add", f"{address}/24", "dev", name)
            run(*within, "ip", "link", "set", name, "up")
            run(*within, "ip", "link", "set", "lo", "up")

    def pull(self) -> None:
        """Takes it out at the worker's end; nobody is told."""
        run(*self.there, "ip", "link", "set", "there", "down")

    def plug(self) -> None:
        """Puts it in again."""
        run(*self.there, "ip", "link", "set", "there", "up")

    def close(self) -> None:
        """Ends the other namespace."""
        self._holder.kill()
        self._holder.wait()


@contextmanager
def hosts(folder: Path) -> Iterator[tuple[Cable, DaemonProcess, Program]]:
    """A daemon and a scheduler here, a worker there, with certificates of one authority."""
    cable = Cable()
    ours = authority(folder / "authority")
    for name in ("scheduler", "daemon", "worker"):
        ours.issue(name)
    program = [sys.executable, "-m", "tflited"]
    log = "--log-format=json"
    scheduler = Program(
        folder / "scheduler",
        [
            *program, "scheduler", f"tls://{HERE}:8786", log,
            f"--worker-ttl-seconds={TTL_SECONDS}", *tls_options(ours.folder, "scheduler"),
        ],
    )  # fmt: skip
    scheduler.begin()
    scheduler.wait_for("scheduler_started")
    worker = Program(
        folder / "worker",
        [
            *cable.there, *program, "worker", f"tls://{HERE}:8786", log, "--name=worker",
            f"--directory={folder / 'worker' / 'own'}", "--slots=1",
            *tls_options(ours.folder, "worker"),
        ],
    )  # fmt: skip
    worker.begin()
    worker.wait_for("scheduler_joined")
    (folder / "daemon").mkdir()
    daemon = DaemonProcess(folder / "daemon")
    daemon.main_file.write_text(MAIN_FILE + _cluster_section(ours.folder))
    daemon.start()
    try:
        yield cable, daemon, worker
    finally:
        daemon.stop()
        worker.stop()
        scheduler.stop()
        cable.close()


def _cluster_section(certificates: Path) -> str:
    return f"""
[daemon]
executor = "dask"
settle_seconds = 0.3
[cluster]
scheduler = "tls://{HERE}:8786"
data_listen = "{HERE}:8574"
share_paths = false
worker_ttl_seconds = {TTL_SECONDS}
ca_file = "{certificates / "ca.pem"}"
certificate_file = "{certificates / "daemon.pem"}"
key_file = "{certificates / "daemon.key"}"
"""


def cut_off(folder: Path) -> dict[str, object]:
    """The cable is out for longer than a worker may be silent, then for a moment."""
    with hosts(folder) as (cable, daemon, worker):
        copy_tree(zoo.digits().model, daemon.root / "long")
        worker.wait_for("attempt_began")
        cable.pull()
        wait_until(lambda: _ends_of(daemon, "long"), LOST_SECONDS, what="the loss to be noticed")
        while_out = [job["state"] for job in daemon.jobs("long")]
        cable.plug()
        daemon.wait_for("long", "published", deadline_seconds=BUILD_SECONDS)
        began = len(worker.events("attempt_began"))
        copy_tree(zoo.digits().model, daemon.root / "short")
        worker.wait_for("attempt_began", count=began + 1)
        cable.pull()
        end = monotonic() + SHORT_SECONDS
        wait_until(lambda: monotonic() > end, LOST_SECONDS, what="a moment")
        cable.plug()
        daemon.wait_for("short", "published", deadline_seconds=BUILD_SECONDS)
        wait_until(lambda: _is_quiet(worker), BUILD_SECONDS, what="the worker to be done")
        told = {
            "while_out": while_out,
            "long": _told(daemon, "long"),
            "short": _told(daemon, "short"),
            "published": [
                event["model"] for event in daemon.events() if event["event"] == "set_published"
            ],
            "staging": [path.name for path in (daemon.state / "scratch").rglob("*")],
            "attempts": [path.name for path in (folder / "worker/own/attempts").iterdir()],
        }
        pids = children(worker.pid) | daemon.children()
    alive = {(number, began) for number, _, began in processes()}
    return {**told, "left": len(pids & alive)}


def _told(daemon: DaemonProcess, path: str) -> dict[str, Any]:
    (job,) = daemon.jobs(path)
    return {"state": job["state"], "attempts": job["attempts"], "ends": _ends_of(daemon, path)}


def _ends_of(daemon: DaemonProcess, path: str) -> list[str]:
    """How attempts at a model ended that brought no set."""
    return [
        str(event.get("code", event.get("result", "")))
        for event in daemon.events()
        if event["event"] == "attempt_failed" and str(event["model"]).endswith(path)
    ]


def _is_quiet(worker: Program) -> bool:
    return len(worker.events("attempt_began")) == len(worker.events("attempt_left"))


SCENES: Mapping[str, Callable[[Path], dict[str, object]]] = {"cut_off": cut_off}


def main() -> None:
    """Plays the scene that the command line names."""
    scene, folder = sys.argv[1:]
    run("ip", "link", "set", "lo", "up")
    print(json.dumps(SCENES[scene](Path(folder))))  # noqa: T201  # the answer


if __name__ == "__main__":
    main()
