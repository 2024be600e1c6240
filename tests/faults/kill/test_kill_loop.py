"""Three hundred kills around accept, claim and publish; ten more during real conversions."""

import random
from pathlib import Path
from statistics import median
from threading import Event
from time import monotonic

import pytest

import zoo
from daemon_process import MAIN_FILE, DaemonProcess
from faults import promises
from faults.kill import loop
from tflited.triggers.spool import drop
from tree_copy import copy_tree
from waiting import wait_until

KILLS = 150
REAL_KILLS = 10
GONE_SECONDS = 0.25
AGAIN = b'{"version": 1, "model": {"path": "digits"}, "force": true}'
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


def wait_for_attempt(daemon: DaemonProcess) -> None:
    """Until an attempt has begun that had not when this was called."""
    begun = daemon.log.read_text().count('"attempt_started"')
    wait_until(
        lambda: daemon.log.read_text().count('"attempt_started"') > begun,
        loop.REST_SECONDS,
        what="an attempt",
    )


def killed(daemon: DaemonProcess) -> float:
    """Kills it; returns the seconds until zygote and child were gone, too."""
    pid = daemon.pid
    daemon.kill()
    began = monotonic()
    wait_until(lambda: not loop.survivors(pid), loop.GONE_SECONDS)
    return monotonic() - began


@pytest.mark.timeout(600)
def test_no_kill_of_a_real_conversion_does_harm(daemon: DaemonProcess) -> None:
    """Whatever is published is whole, and the daemon that is left alone finishes the work."""
    choose = random.Random(1)  # noqa: S311 - repeatable, not secret
    places = promises.Places(daemon.output, daemon.state)
    seconds = []
    for number in range(REAL_KILLS):
        drop(daemon.state / "spool", f"again{number}.json", AGAIN)
        daemon.start()
        wait_for_attempt(daemon)
        Event().wait(choose.uniform(0.0, 1.0))
        seconds.append(killed(daemon))
        assert promises.torn(places.output) == []
    daemon.start()
    daemon.wait_for("digits", "published")
    daemon.stop()
    assert promises.torn(places.output) == []
    assert promises.left_over(places) == []
    assert median(seconds) < GONE_SECONDS, seconds
