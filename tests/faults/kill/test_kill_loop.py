"""Three hundred kills around accept, claim and publish; ten more during real conversions."""

import random
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from threading import Event
from time import monotonic

import pytest

import zoo
from daemon_process import MAIN_FILE, DaemonProcess
from faults import promises
from faults.kill import loop
from faults.kill.nursery import Nursery
from tree_copy import copy_tree
from waiting import wait_until

KILLS = 150
REAL_KILLS = 10
GONE_SECONDS = 0.25
POLICY = 'variants = ["float32", "dynamic_range"]\n'


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_kill_loses_tears_or_doubles(tmp_path: Path, seed: int) -> None:
    """Half of three hundred: nothing is lost, torn, doubled or left over, by any kill."""
    figures = loop.run(KILLS, seed, tmp_path)
    assert figures["wrong"] == []
    met = figures["met"]
    assert all(met.get(name, 0) > 0 for name in ("queued", "running", "staged", "swapped")), met


@pytest.fixture
def daemon(tmp_path: Path) -> DaemonProcess:
    process = DaemonProcess(tmp_path)
    process.main_file.write_text(loop.PACE + MAIN_FILE)
    (process.root / ".tflited.toml").write_text(POLICY)
    copy_tree(zoo.digits().model, process.root / "digits")
    return process


@pytest.mark.timeout(600)
def test_no_kill_of_a_real_conversion_does_harm(daemon: DaemonProcess) -> None:
    """The model is converted in the end, once, by the daemon that is left alone."""
    choose = random.Random(1)  # noqa: S311 - repeatable, not secret
    places = promises.Places(daemon.output, daemon.state)
    for number in range(REAL_KILLS):
        daemon.start()
        begun = daemon.log.read_text().count('"attempt_started"')
        wait_until(
            lambda begun=begun: daemon.log.read_text().count('"attempt_started"') > begun,  # type: ignore[misc]
            loop.REST_SECONDS,
            what=f"attempt {number}",
        )
        Event().wait(choose.uniform(0.0, 1.0))
        pid = daemon.pid
        daemon.kill()
        wait_until(lambda pid=pid: not loop.survivors(pid), loop.GONE_SECONDS)  # type: ignore[misc]
        assert promises.damaged_or_torn(places) == []
    daemon.start()
    daemon.wait_for("digits", "published")
    daemon.stop()
    assert promises.left_over(places) == []


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery(zoo.recorded())
    yield made
    made.close()


def test_no_child_outlives_the_daemon(tmp_path: Path, nursery: Nursery) -> None:
    """Zygote and children are gone a quarter of a second after the daemon, at the median."""
    daemon = DaemonProcess(tmp_path, nursery.run)
    seconds = []
    for _ in range(5):
        daemon.start()
        pid = daemon.pid
        wait_until(lambda: "zygote" in daemon.log.read_text() or loop.survivors(pid), 20)  # noqa: B023
        daemon.kill()
        killed = monotonic()
        wait_until(lambda: not loop.survivors(pid), loop.GONE_SECONDS)  # noqa: B023
        seconds.append(monotonic() - killed)
    assert median(seconds) < GONE_SECONDS, seconds
