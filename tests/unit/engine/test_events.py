"""The newest events: in order, bounded, and told to those who listen."""

from fakes.control import make_job
from tflited.clock import SystemClock
from tflited.domain.events import EventKind
from tflited.domain.job import JobState
from tflited.domain.report import Stage
from tflited.engine.events import EventLog


def test_a_look_wakes_and_leaves_no_event() -> None:
    """Models have no story; whoever follows asks how they stand."""
    log, woken = EventLog(SystemClock()), list[int]()
    log.listen(lambda: woken.append(log.looks()))
    log.model_changed()
    log.model_changed()
    assert woken == [1, 2]
    assert (log.newest(), log.since(0)) == (0, [])


def test_events_come_in_order_and_by_job() -> None:
    """Ids grow; each job's story can be read alone."""
    log = EventLog(SystemClock())
    log.state_changed(make_job(1, JobState.QUEUED))
    log.stage_began(make_job(2, JobState.RUNNING), Stage.LOWER, "int8")

    assert [(event.id, event.kind, event.job_id) for event in log.since(0)] == [
        (1, EventKind.STATE, 1),
        (2, EventKind.STAGE, 2),
    ]
    assert [event.detail for event in log.since(0, job_id=2)] == ["int8"]
    assert [event.id for event in log.since(1)] == [2]
    assert log.newest() == 2


def test_old_events_are_forgotten() -> None:
    """Memory is bounded whatever happens."""
    log = EventLog(SystemClock(), capacity=3)
    for number in range(1, 11):
        log.state_changed(make_job(number))

    assert [event.id for event in log.since(0)] == [8, 9, 10]


def test_listeners_are_woken_until_they_end() -> None:
    """One call for each event, after it can be read."""
    log, seen = EventLog(SystemClock()), list[int]()
    end = log.listen(lambda: seen.append(log.newest()))
    log.state_changed(make_job(1))
    end()
    log.state_changed(make_job(1))

    assert seen == [1]


def test_a_snapshot_is_no_event() -> None:
    """It tells the state now under the newest id."""
    log = EventLog(SystemClock())
    log.state_changed(make_job(1))
    event = log.snapshot(make_job(2, JobState.DEAD))

    assert (event.id, event.job_id, event.state) == (1, 2, JobState.DEAD)
    assert log.newest() == 1
