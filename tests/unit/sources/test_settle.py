"""When a model counts as settled: quiet for a time that grows with the writer's gaps."""

from dataclasses import replace

import pytest

from tflited.domain.model import FileIdentity, ModelKind, Snapshot
from tflited.sources.settle import MAX_WAIT_SECONDS, SettleTracker, Waits


def snapshot(size: int, *, is_ready: bool = False) -> Snapshot:
    identity = FileIdentity(device=1, inode=1, size=size, mtime_ns=0, ctime_ns=0)
    return Snapshot(kind=ModelKind.KERAS, files=(("", identity),), is_ready=is_ready)


def test_an_unchanged_look_leaves_the_deadline() -> None:
    """Looking again is no change: the clock runs from the last change."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=10.0)
    assert not tracker.observe(snapshot(1), 14.0)
    assert tracker.deadline(5.0) == 15.0


def test_a_change_starts_the_waiting_time_anew() -> None:
    """A file that grew puts the deadline off."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=10.0)
    assert tracker.observe(snapshot(2), 12.0)
    assert tracker.deadline(5.0) == 17.0


def test_a_slow_writer_is_given_longer() -> None:
    """After a gap of 20 s, 5 s of quiet prove nothing; 30 s are asked for."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.observe(snapshot(2), 20.0)
    assert tracker.deadline(5.0) == 50.0


def test_the_slowest_gap_counts_not_the_last() -> None:
    """One quick write after a slow one does not shorten the wait."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.observe(snapshot(2), 20.0)
    tracker.observe(snapshot(3), 21.0)
    assert tracker.deadline(5.0) == 51.0


def test_the_wait_is_bounded() -> None:
    """However slow the writer."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.observe(snapshot(2), 59.0)
    assert tracker.deadline(5.0) == 59.0 + MAX_WAIT_SECONDS


def test_a_new_copy_is_no_pause_of_the_old_one() -> None:
    """A model that is renewed once a day settles as fast as a new one."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.observe(snapshot(2), 86_400.0)
    assert tracker.deadline(5.0) == 86_405.0


def test_the_time_under_a_hold_flag_is_no_pause() -> None:
    """Once the flag is taken away, the usual quiet is asked for."""
    tracker = SettleTracker(snapshot=replace(snapshot(1), is_held=True), changed_at=0.0)
    tracker.observe(snapshot(1), 30.0)
    assert tracker.deadline(5.0) == 35.0


def test_a_longer_configured_time_holds() -> None:
    """The bound is on what the tracker adds, not on what was configured."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    assert tracker.deadline(300.0) == 300.0


def test_a_ready_flag_ends_the_wait() -> None:
    """The writer says that it is done."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.observe(snapshot(1, is_ready=True), 3.0)
    assert tracker.deadline(60.0) == 3.0


def test_rest_forgets_the_gaps() -> None:
    """The quiet time between two copies is no gap of the second copy."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.observe(snapshot(2), 30.0)
    tracker.rest()
    assert tracker.deadline(5.0) == 35.0


WAITS = Waits(settle_seconds=3.0, whole_seconds=0.5)


def two_files(graph: int, weights: int) -> Snapshot:
    """A model of two files, each by the time it was written."""
    files = tuple(
        (name, FileIdentity(device=1, inode=inode, size=1, mtime_ns=0, ctime_ns=written))
        for name, inode, written in (("graph", 1, graph), ("weights", 2, weights))
    )
    return Snapshot(kind=ModelKind.SAVED_MODEL, files=files)


def test_a_new_model_is_looked_into_early_once() -> None:
    """After that look only the full time helps, until something changes."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=10.0)
    assert tracker.next_look(WAITS) == 10.5
    tracker.has_been_tried = True
    assert tracker.next_look(WAITS) == 13.0
    tracker.observe(snapshot(2), 10.6)
    assert tracker.next_look(WAITS) == pytest.approx(10.6 + 0.6 * 1.5)


def test_the_early_look_is_never_later_than_the_last() -> None:
    """A longer time for whole models has no effect."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=10.0)
    assert tracker.next_look(Waits(settle_seconds=0.2, whole_seconds=0.5)) == 10.2


def test_a_slow_writer_puts_the_early_look_off() -> None:
    """Who paused for 2 s may pause again."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.observe(snapshot(2), 2.0)
    assert tracker.next_look(WAITS) == 5.0


def test_a_model_that_is_half_overwritten_has_no_early_look() -> None:
    """As long as one file is still the old one, only the full time tells."""
    tracker = SettleTracker(snapshot=two_files(1, 1), changed_at=0.0)
    tracker.rest()
    tracker.observe(two_files(2, 1), 100.0)
    assert tracker.next_look(WAITS) == 103.0
    tracker.observe(two_files(2, 2), 100.1)
    assert tracker.next_look(WAITS) == pytest.approx(100.6)


def test_what_was_there_at_the_start_has_no_early_look() -> None:
    """It may be an older model that is being written over."""
    found = two_files(1, 1)
    assert SettleTracker(found, 0.0, rested=found).next_look(WAITS) == 3.0


def test_a_temporary_name_starts_the_quiet_time_anew() -> None:
    """Also the early look is due again."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.has_been_tried = True
    tracker.put_off(7.0)
    assert tracker.next_look(WAITS) == 7.5


def test_the_time_after_a_whole_copy_is_no_pause_of_the_next() -> None:
    """A model renewed half a minute after its last copy settles as fast as a new one."""
    tracker = SettleTracker(snapshot=snapshot(1), changed_at=0.0)
    tracker.is_whole = True
    tracker.rest()
    tracker.observe(snapshot(2), 30.0)
    assert tracker.deadline(5.0) == 35.0
