"""Slots: attempts in named threads, each known by its job while it lasts."""

from pathlib import Path

from fakes.engine import DEADLINE_SECONDS, World
from fakes.samples import MODEL
from tflited.domain.job import JobState
from tflited.domain.report import Stage
from tflited.domain.status import SlotState
from tflited.engine.dispatch import slots_in
from waiting import wait_until


def test_a_running_attempt_shows_its_stage(world: World) -> None:
    """What the child said last, and for how long it has run."""
    world.hold()
    world.clock.advance(3)
    (attempt,) = world.slots.running()
    assert (attempt.model, attempt.attempt) == (MODEL, 1)
    assert (attempt.stage, attempt.detail) == (Stage.LOWER, "int8")
    assert attempt.seconds == 3
    assert world.slots.free == 0


def test_no_more_attempts_than_slots(world: World) -> None:
    """The second model waits until the first is over."""
    world.hold()
    world.see(model=MODEL.__class__(root=MODEL.root, path="b"))
    assert world.states() == [JobState.RUNNING, JobState.QUEUED]
    world.slots.cancel_all()
    wait_until(lambda: world.slots.free, DEADLINE_SECONDS, what="the slot")
    world.run()
    assert world.states()[1] is JobState.PUBLISHED


def test_cancelling_a_job_without_an_attempt_says_so(world: World) -> None:
    """The caller must not wait for an end that never comes."""
    assert not world.slots.cancel(99)


def test_a_stopped_pool_has_finished_its_attempts(tmp_path: Path) -> None:
    """Stop waits for what is under way."""
    world = World(tmp_path)
    world.scan()
    world.see()
    world.close()
    world.step()
    assert world.states() == [JobState.PUBLISHED]


def test_stages_are_told_as_they_begin(world: World) -> None:
    """A build's stages are events, in order."""
    world.build()
    events = world.events.since(0)

    assert any(event.stage is not None for event in events)
    assert [event.id for event in events] == list(range(1, len(events) + 1))


def test_every_slot_is_in_one_state(world: World) -> None:
    """Free ones wait for a zygote, or for work; together they are all there are."""

    def told() -> list[int]:
        return [slots_in(world.engine.slots, world.executor, state) for state in SlotState]

    count = world.engine.slots.count
    assert told() == [0, count, 0]
    world.executor.is_ready = False
    assert told() == [count, 0, 0]
    world.executor.is_ready = True
    world.hold()
    assert told() == [0, count - 1, 1]
