"""The room in the output tree, known without waiting for a disk."""

import shutil
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from tflited.telemetry import room
from tflited.telemetry.room import OLD_SECONDS, RoomWatch
from waiting import wait_until

DEADLINE_SECONDS = 20.0


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[RoomWatch]:
    made = RoomWatch(tmp_path)
    yield made
    made.stop(DEADLINE_SECONDS)


def test_the_figure_is_the_file_systems(watch: RoomWatch, tmp_path: Path) -> None:
    """Nothing is known before the first answer; then it is what the system says."""
    assert isnan(watch.free_bytes())
    watch.start()
    wait_until(lambda: not isnan(watch.free_bytes()), DEADLINE_SECONDS, what="an answer")
    usage = shutil.disk_usage(tmp_path)
    assert 0 < watch.free_bytes() <= usage.total


def test_a_missing_folder_has_no_figure(tmp_path: Path) -> None:
    """An output that went away is told by readiness, and by no wrong number."""
    watch = RoomWatch(tmp_path / "gone")
    watch.start()
    watch.stop(DEADLINE_SECONDS)
    assert isnan(watch.free_bytes())


def test_a_disk_that_hangs_holds_nobody(watch: RoomWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last answer stays until it is old; nobody waits for the next."""
    hangs, goes_on = Event(), Event()
    real = shutil.disk_usage
    answers = 0

    def hang(path: Path) -> object:
        nonlocal answers
        answers += 1
        if answers > 1:
            hangs.set()
            assert goes_on.wait(DEADLINE_SECONDS)
        return real(path)

    monkeypatch.setattr(room, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(shutil, "disk_usage", hang)
    watch.start()
    assert hangs.wait(DEADLINE_SECONDS)
    assert not isnan(watch.free_bytes())
    now = monotonic()
    with monkeypatch.context() as later:
        later.setattr("tflited.telemetry.room.monotonic", lambda: now + OLD_SECONDS + 1)
        assert isnan(watch.free_bytes())
    goes_on.set()
