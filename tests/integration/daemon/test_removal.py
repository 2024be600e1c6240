"""Removed models of the real program: archived, kept through a replacement, and never en masse."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import zoo
from daemon_process import BUILD_SECONDS, DaemonProcess
from tree_copy import copy_tree
from waiting import wait_until

QUICK = "\n[daemon]\nsettle_seconds = 0.5\nscan_interval_seconds = 0.5\nremoval_count = 3\n"


@contextmanager
def quick(folder: Path) -> Iterator[DaemonProcess]:
    """A daemon that scans twice a second and archives what is removed."""
    process = DaemonProcess(folder)
    process.main_file.write_text(process.main_file.read_text() + QUICK)
    (process.root / ".tflited.toml").write_text(
        'variants = ["float32"]\n[output]\non_source_removed = "archive"\n'
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """For a test that counts removals of the whole root."""
    with quick(tmp_path) as process:
        yield process


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """For the others, each with models of its own."""
    with quick(tmp_path_factory.mktemp("removal")) as process:
        yield process


def run(daemon: DaemonProcess, *arguments: str) -> str:
    """One command, in a process of its own."""
    command = [sys.executable, "-m", "tflited", *arguments, "--config", str(daemon.main_file)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sets(daemon: DaemonProcess) -> list[str]:
    """The models whose sets are in the output tree."""
    found = (daemon.output / "models").glob("*/manifest.json")
    return sorted(path.parent.name for path in found)


def drop(daemon: DaemonProcess, *names: str) -> None:
    """Copies the model in under names, and waits until each is published."""
    for name in names:
        copy_tree(zoo.digits().model, daemon.root / name)
    for name in names:
        daemon.wait_for(name, "published")


def pass_scans(daemon: DaemonProcess, count: int) -> None:
    """Waits until the daemon has scanned its root so many times more."""
    seen = set[str]()

    def is_enough() -> bool:
        seen.add(daemon.get("status")["roots"][0]["last_scan_at"])
        return len(seen) > count

    wait_until(is_enough, BUILD_SECONDS, what=f"{count} scans")


def test_removals_over_a_whole_life(own_daemon: DaemonProcess) -> None:
    """One at a time they are archived, also over a restart; most at once wait to be confirmed."""
    drop(own_daemon, "a", "b", "c", "d", "e", "f")

    shutil.rmtree(own_daemon.root / "a")
    wait_until(lambda: "a" not in sets(own_daemon), BUILD_SECONDS, what="the archive")
    archived = list((own_daemon.output / ".tflited" / "archive").glob("models*a/*/manifest.json"))
    assert len(archived) == 1

    own_daemon.stop()
    shutil.rmtree(own_daemon.root / "b")
    own_daemon.start()
    wait_until(lambda: "b" not in sets(own_daemon), BUILD_SECONDS, what="the removal meanwhile")

    for name in "cdef":
        shutil.rmtree(own_daemon.root / name)
    wait_until(
        lambda: "wait for tflited confirm models" in run(own_daemon, "status"),
        BUILD_SECONDS,
        what="the brake",
    )
    assert sets(own_daemon) == ["c", "d", "e", "f"]
    assert "tflited confirm models" in run(own_daemon, "why", "models/c")
    plan = json.loads(run(own_daemon, "plan", "--json"))
    assert {entry["action"] for entry in plan} == {"archive"}
    offline = json.loads(run(own_daemon, "plan", "--offline", "--json"))
    assert {entry["action"] for entry in offline} == {"archive"}

    assert "4 sets leave" in run(own_daemon, "confirm", "models")
    wait_until(lambda: sets(own_daemon) == [], BUILD_SECONDS, what="the confirmed removals")


def test_a_replaced_folder_keeps_its_set(daemon: DaemonProcess) -> None:
    """``rm -r`` and a copy at once: the old set is there until the new one is."""
    drop(daemon, "replaced")
    before = (daemon.output / "models" / "replaced" / "manifest.json").stat().st_ino
    shutil.rmtree(daemon.root / "replaced")
    wait_until(
        lambda: '"event": "model_removed"' in daemon.log.read_text(),
        BUILD_SECONDS,
        what="the removal to be seen",
    )
    copy_tree(zoo.digits().model, daemon.root / "replaced")
    daemon.wait_for("replaced", "published")
    pass_scans(daemon, 4)
    assert (daemon.output / "models" / "replaced" / "manifest.json").stat().st_ino == before
    assert [job["state"] for job in daemon.jobs("replaced")] == ["published"]


def test_an_edit_is_seen_before_it_holds(daemon: DaemonProcess, tmp_path: Path) -> None:
    """The plan beside a running daemon names the model and the key; then it happens."""
    drop(daemon, "edited/net")
    draft = tmp_path / "draft.toml"
    draft.write_text('# a comment\nvariants = ["float16"]\n')
    asked = ("plan", "--json", "--with", str(draft), "--folder", str(daemon.root / "edited"))
    (entry,) = (one for one in json.loads(run(daemon, *asked)) if one["action"] == "build")
    assert entry["model"]["path"] == "edited/net"
    assert entry["changes"] == ['variants: ["float32"], now ["float16"]']
    assert len(daemon.jobs("edited/net")) == 1

    draft.write_text('# only\nvariants  =  ["float32"]\n[output]\nkeep_builds = 9\n')
    assert "nothing to do" in run(daemon, "plan", *asked[2:])


def test_the_newest_version_is_built(daemon: DaemonProcess) -> None:
    """Older ones are left alone, and the names of the files tell the version."""
    root = daemon.root / "versions"
    root.mkdir()
    (root / ".tflited.toml").write_text('versions = "newest"\n')
    copy_tree(zoo.digits().model, root / "net" / "10")
    daemon.wait_for("versions/net/10", "published")
    copy_tree(zoo.digits().model, root / "net" / "9")
    daemon.wait_for("versions/net/9", "older")
    assert daemon.jobs("versions/net/9") == []
    place = daemon.output / "models" / "versions" / "net" / "10" / "float32"
    assert sorted(path.name for path in place.iterdir()) == [
        "net_10.c",
        "net_10.h",
        "net_10.tflite",
    ]
    assert "g_net_10_float32[" in (place / "net_10.h").read_text()
