"""The real daemon over a job store, and a cache, that a disk has damaged."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

import zoo
from daemon_process import DaemonProcess
from tree_copy import copy_tree
from waiting import wait_until

PAGE = 4096


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that published a model and was killed."""
    daemon = DaemonProcess(tmp_path_factory.mktemp("damaged"))
    daemon.start()
    copy_tree(zoo.digits().model, daemon.root / "digits")
    daemon.wait_for("digits", "published")
    daemon.kill()
    yield daemon
    daemon.stop()


@pytest.fixture(autouse=True)
def ended(daemon: DaemonProcess) -> Iterator[None]:
    """No test finds the daemon of the one before it: their order is random."""
    yield
    if daemon._process is not None:
        daemon.kill()


def cut(path: Path) -> None:
    os.truncate(path, 5 * PAGE)


def zero(path: Path) -> None:
    overwrite(path, 0, bytes(2 * PAGE))


def flip(path: Path) -> None:
    """Every fourth byte of each page's header: no page says what it is."""
    content = bytearray(path.read_bytes())
    for start in range(0, len(content), PAGE):
        for at in range(start, start + 100, 4):
            content[at] ^= 0xFF
    path.write_bytes(content)


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def events(daemon: DaemonProcess, name: str) -> list[dict[str, Any]]:
    return [entry for entry in daemon.events() if entry["event"] == name]


def page(daemon: DaemonProcess, path: str) -> str:
    with urlopen(f"http://127.0.0.1:{daemon.port()}/{path}") as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("damage", [cut, zero, flip])
@pytest.mark.parametrize("is_cached", [True, False])
def test_a_damaged_store_costs_no_build(
    daemon: DaemonProcess, damage: Callable[[Path], None], *, is_cached: bool
) -> None:
    """It is set aside and told; what is published stays, is not built again, and work goes on."""
    store, cache = daemon.state / "jobs.sqlite3", daemon.state / "sources.sqlite3"
    sqlite3.connect(store).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    damage(store)
    if not is_cached:
        damage(cache)
    manifest = daemon.output / "models/digits/manifest.json"
    before = (manifest.stat().st_ino, len(events(daemon, "attempt_started")))
    told = len(events(daemon, "store_rebuilt"))

    daemon.start()
    daemon.wait_for("digits", "published")

    assert (manifest.stat().st_ino, len(events(daemon, "attempt_started"))) == before
    assert len(events(daemon, "store_rebuilt")) == told + 1
    aside = Path(events(daemon, "store_rebuilt")[-1]["set_aside"])
    assert aside.parent == daemon.state
    assert str(aside) in page(daemon, "readyz?verbose")
    assert f"tflited_stores_set_aside {told + 1}.0" in page(daemon, "metrics")
    checks = {check["name"]: check for check in daemon.get("status")["checks"]}
    assert str(aside) in checks["store"]["reason"]
    daemon.kill()


def test_what_was_queued_in_a_damaged_store_is_made_again(daemon: DaemonProcess) -> None:
    """The roots say what is to be done; its number is that of no set that is published."""
    zero(daemon.state / "jobs.sqlite3")
    copy_tree(zoo.digits().model, daemon.root / "more")
    daemon.start()
    daemon.wait_for("more", "published")
    (job,) = daemon.jobs("more")
    published = json.loads((daemon.output / "models/digits/manifest.json").read_bytes())
    assert job["id"] > published["job"]


def test_damage_while_it_runs_ends_it_and_the_next_start_repairs(daemon: DaemonProcess) -> None:
    """A value that no store writes is found when it is read; the row is left behind."""
    copy_tree(zoo.digits().model, daemon.root / "running")
    daemon.start()
    daemon.wait_for("running", "published")
    daemon.stop()
    store = daemon.state / "jobs.sqlite3"
    number = daemon_jobs(store)
    daemon.start()
    connection = sqlite3.connect(store)
    connection.execute("UPDATE jobs SET state = 'nonsense' WHERE id = ?", (number,))
    connection.commit()
    connection.close()
    told = len(events(daemon, "store_rebuilt"))
    with pytest.raises(Exception, match="corrupt"):
        daemon.jobs("digits")
    assert daemon.wait() == 1
    daemon.start()
    assert len(events(daemon, "store_rebuilt")) == told + 1
    assert number not in {job["id"] for job in daemon.get("jobs", limit=1000)}
    wait_until(lambda: daemon.phase("digits") == "published", 60, what="the set to be known")


def daemon_jobs(store: Path) -> int:
    """The newest job's number."""
    connection = sqlite3.connect(store)
    try:
        return int(connection.execute("SELECT MAX(id) FROM jobs").fetchone()[0])
    finally:
        connection.close()
