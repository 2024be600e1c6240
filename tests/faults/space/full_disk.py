"""A daemon on a disk of 700 KB, played in a mount namespace of its own.

    unshare --user --map-root-user --mount python tests/faults/space/full_disk.py FOLDER

Prints one JSON object: what was seen while the disk was full, and after room was made.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Event
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "daemon")]

import zoo  # noqa: E402
from daemon_process import MAIN_FILE, DaemonProcess  # noqa: E402
from faults import promises  # noqa: E402
from faults.kill.loop import PACE  # noqa: E402
from faults.kill.nursery import Nursery  # noqa: E402
from model_trees import saved_model  # noqa: E402
from tflited.errors import TflitedError  # noqa: E402
from waiting import wait_until  # noqa: E402

SIZE: Final = "size=700k"
MODELS: Final = 12
LOOKS: Final = 40
LOOK_SECONDS: Final = 0.25
DONE_SECONDS: Final = 120.0
TELLING: Final = ("store_paused", "output_paused", "Cannot write", "No space left")


def mount(options: str, place: Path) -> None:
    """Mounts a file system in memory, or changes one."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)


def play(folder: Path) -> dict[str, Any]:
    """Fills the disk with work, looks at it for some seconds, then makes room."""
    disk = folder / "disk"
    disk.mkdir()
    mount(SIZE, disk)
    nursery = Nursery(zoo.recorded())
    daemon = DaemonProcess(folder, nursery.run)
    daemon.output, daemon.state = disk / "output", disk / "state"
    daemon.main_file.write_text(
        PACE.replace("[daemon]\n", '[daemon]\noutput = "disk/output"\nstate = "disk/state"\n')
        + MAIN_FILE
    )
    daemon.listen_at(daemon.state)
    daemon.start()
    try:
        return _played(daemon, disk)
    finally:
        daemon.stop()
        nursery.close()


def _played(daemon: DaemonProcess, disk: Path) -> dict[str, Any]:
    pid = daemon.pid
    for number in range(MODELS):
        saved_model(daemon.root / f"m{number}")
    wait_until(lambda: any(word in daemon.log.read_text() for word in TELLING), DONE_SECONDS)
    accepted: set[str] = set()
    wrong: list[str] = []
    for look in range(LOOKS):
        accepted |= _asked(daemon, f"t{look}")
        wrong += promises.torn(daemon.output) + promises.mixed(daemon.output)
        Event().wait(LOOK_SECONDS)
    while_full = _phases(daemon)
    mount(f"remount,{SIZE.replace('700k', '16m')}", disk)
    wait_until(lambda: _phases(daemon)["published"] == MODELS, DONE_SECONDS, what="every model")
    wait_until(lambda: not _active(daemon), DONE_SECONDS, what="every trigger")
    is_same = daemon.pid == pid
    daemon.stop()
    places = promises.Places(daemon.output, daemon.state)
    wrong += promises.at_rest(places, accepted) + promises.left_over(places)
    return {
        "while_full": while_full,
        "accepted": len(accepted),
        "is_same_daemon": is_same,
        "wrong": wrong,
    }


def _asked(daemon: DaemonProcess, name: str) -> set[str]:
    """A trigger's id, if the daemon took it; while the disk is full it may refuse."""
    document = {"version": 1, "id": name, "model": {"path": "m1"}, "force": True}
    try:
        receipt = daemon.post("triggers", json.dumps(document).encode())
    except TflitedError:
        return set()
    return {name} if receipt["is_accepted"] else set()


def _phases(daemon: DaemonProcess) -> Counter[str]:
    return Counter(daemon.get("status")["roots"][0]["models"])


def _active(daemon: DaemonProcess) -> int:
    with promises.store(daemon.state) as store:
        query = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
        return int(store.execute(query).fetchone()[0])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(play(Path(sys.argv[1]))) + "\n")
