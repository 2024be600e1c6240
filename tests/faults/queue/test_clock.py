"""The wall clock set forward or back by a day: no job starts early, and none is forgotten."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fakes.samples import FAILURE, NOON, a_new_job
from tflited.domain.job import JobState
from tflited.store.queue import SqliteStore

REST_SECONDS = 60.0


class SetClock:
    """Implements ``Clock``; its wall clock can be set."""

    def __init__(self) -> None:
        self._monotonic = 1000.0
        self._wall = NOON

    def monotonic(self) -> float:
        """Seconds that passed."""
        return self._monotonic

    def now(self) -> datetime:
        """What the wall clock says."""
        return self._wall

    def pass_by(self, seconds: float) -> None:
        """Lets time pass."""
        self._monotonic += seconds
        self._wall += timedelta(seconds=seconds)

    def set_by(self, days: float) -> None:
        """Sets the wall clock; no time passes."""
        self._wall += timedelta(days=days)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "jobs.sqlite3", clock) as made:
        yield made


@pytest.mark.parametrize("days", [1, -1, 400, -400])
def test_a_jump_changes_no_delay(store: SqliteStore, clock: SetClock, days: float) -> None:
    """A job that rests for a minute is claimed after a minute, whatever the wall clock says."""
    store.accept(a_new_job(), clock.now())
    running = store.claim(clock.now())
    assert running is not None
    later = clock.now() + timedelta(seconds=REST_SECONDS)
    store.requeue(running.id, FAILURE, later, has_died=True)
    clock.pass_by(REST_SECONDS / 2)
    clock.set_by(days)
    assert store.claim(clock.now()) is None
    clock.pass_by(REST_SECONDS / 2 - 1)
    assert store.claim(clock.now()) is None
    clock.pass_by(2)
    claimed = store.claim(clock.now())
    assert claimed is not None
    assert (claimed.id, claimed.attempts) == (running.id, 2)


@pytest.mark.parametrize("days", [1, -1])
def test_a_running_job_is_not_taken_over(store: SqliteStore, clock: SetClock, days: float) -> None:
    """Nobody claims what runs because a day seems to have passed."""
    store.accept(a_new_job(), clock.now())
    running = store.claim(clock.now())
    assert running is not None
    clock.set_by(days)
    assert store.claim(clock.now()) is None
    now = store.job(running.id)
    assert now is not None
    assert now.state is JobState.RUNNING
