"""Delays keep their length whatever the wall clock does."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fakes.samples import FAILURE, NOON, a_new_job
from tflited.domain.job import Job
from tflited.domain.retry import MAX_DELAY_SECONDS
from tflited.store.queue import SqliteStore

DAY = timedelta(days=1)
DELAY_SECONDS = 60.0


class TwoClocks:
    """A wall clock that can be set, and a monotonic one that cannot."""

    def __init__(self) -> None:
        self.wall, self.seconds = NOON, 1000.0

    def monotonic(self) -> float:
        """Seconds since anything."""
        return self.seconds

    def now(self) -> datetime:
        """What the wall says."""
        return self.wall

    def sleep(self, seconds: float) -> None:
        """Time passes on both."""
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> TwoClocks:
    return TwoClocks()


@pytest.fixture
def store(tmp_path: Path, clock: TwoClocks) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "jobs.sqlite3", clock) as opened:
        yield opened


def resting(store: SqliteStore, clock: TwoClocks) -> Job:
    """A job that has to wait before its second attempt."""
    job = store.accept(a_new_job(), clock.now())
    store.claim(clock.now())
    later = clock.now() + timedelta(seconds=DELAY_SECONDS)
    return store.requeue(job.id, FAILURE, later, has_died=True)


@pytest.mark.parametrize("jump", [DAY, -DAY, timedelta(hours=5), -timedelta(hours=23)])
def test_a_jump_makes_no_attempt_early_and_none_late(
    store: SqliteStore, clock: TwoClocks, jump: timedelta
) -> None:
    """The delay is over when so much time has passed, not when the wall clock says so."""
    job = resting(store, clock)
    clock.wall += jump
    assert store.claim(clock.now()) is None
    clock.sleep(DELAY_SECONDS - 1)
    assert store.claim(clock.now()) is None
    clock.sleep(2)
    claimed = store.claim(clock.now())
    assert claimed is not None
    assert claimed.id == job.id


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_jump_right_before_a_requeue_counts_once(
    store: SqliteStore, clock: TwoClocks, jump: timedelta
) -> None:
    """The new start time is of the new wall clock already."""
    job = store.accept(a_new_job(), clock.now())
    store.claim(clock.now())
    clock.wall += jump
    later = clock.now() + timedelta(seconds=DELAY_SECONDS)
    store.requeue(job.id, FAILURE, later, has_died=False)
    clock.sleep(DELAY_SECONDS - 1)
    assert store.claim(clock.now()) is None
    clock.sleep(2)
    assert store.claim(clock.now()) is not None


def test_a_clock_set_back_while_the_daemon_was_down_stalls_nothing(
    tmp_path: Path, clock: TwoClocks
) -> None:
    """After the start no job waits longer than the longest delay there is."""
    with SqliteStore(tmp_path / "jobs.sqlite3", clock) as before:
        resting(before, clock)
    clock.wall -= timedelta(hours=20)
    with SqliteStore(tmp_path / "jobs.sqlite3", clock) as store:
        store.recover()
        assert store.claim(clock.now()) is None
        clock.sleep(MAX_DELAY_SECONDS + 1)
        assert store.claim(clock.now()) is not None
