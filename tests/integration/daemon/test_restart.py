"""The real program after it was killed, and over what it published before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from daemon_process import DaemonProcess, processes
from tree_copy import copy_tree
from waiting import wait_until

GONE_SECONDS = 15


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """A started daemon of one test; ends well when the test leaves it running."""
    daemon = DaemonProcess(tmp_path)
    daemon.start()
    yield daemon
    daemon.stop()


def survivors(children: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of the processes that still run."""
    return children & {(pid, began) for pid, _, began in processes()}


def test_a_killed_daemon_finishes_at_the_next_start(own_daemon: DaemonProcess) -> None:
    """No process outlives it, its job is done once, and its leftovers are swept.

    A second restart then finds everything published and builds nothing.
    """
    copy_tree(zoo.digits().model, own_daemon.root / "digits")
    own_daemon.wait_for("digits", "building")
    wait_until(lambda: len(own_daemon.children()) > 1, GONE_SECONDS, what="the child at work")
    children = own_daemon.children()
    own_daemon.kill()

    wait_until(lambda: not survivors(children), GONE_SECONDS, what="the children's end")
    assert not (own_daemon.output / "models/digits/manifest.json").exists()
    own_daemon.start()
    own_daemon.wait_for("digits", "published")

    (job,) = own_daemon.jobs("digits")
    assert (job["state"], job["attempts"]) == ("published", 2)
    staging = own_daemon.output / ".tflited" / "staging"
    assert not list(staging.glob("*"))
    expect_nothing_new(own_daemon)


def expect_nothing_new(daemon: DaemonProcess) -> None:
    """Starts again and sees the same job and the same files."""
    manifest = daemon.output / "models/digits/manifest.json"
    before = (daemon.jobs("digits"), manifest.stat().st_ino)
    daemon.stop()
    daemon.start()
    daemon.wait_for("digits", "published")

    assert (daemon.jobs("digits"), manifest.stat().st_ino) == before
    assert all(entry["action"] == "nothing" for entry in daemon.get("plan"))
