"""A model that never rests is built so many times an hour, and no more."""

from fakes.engine import BUILDS_PER_HOUR, World
from fakes.samples import MODEL
from tflited.domain.job import JobState, TriggerSource
from tflited.domain.status import Action, Phase
from tflited.engine.pace import Pace


def restless(world: World, times: int) -> None:
    """Changes the model again and again, half a minute apart."""
    world.scan()
    for mark in range(times):
        world.see(str(mark))
        world.run()
        world.clock.advance(30)


def test_a_model_that_never_rests_is_held_back(world: World) -> None:
    """The status says until when and why, the plan that it waits."""
    restless(world, BUILDS_PER_HOUR + 5)
    assert world.states() == [JobState.PUBLISHED] * BUILDS_PER_HOUR
    status = world.models.entries[MODEL].status()
    assert (status.phase, status.job_id) == (Phase.QUEUED, None)
    assert f"{BUILDS_PER_HOUR} times within an hour" in status.reason
    assert status.until is not None
    assert status.until.minute == 0, "an hour after the first build"
    (entry,) = world.explainer().plan()
    assert entry.action is Action.WAIT


def test_what_is_on_disk_is_built_when_the_hour_is_over(world: World) -> None:
    """By itself, with the next whole scan."""
    restless(world, BUILDS_PER_HOUR + 5)
    world.clock.advance(3600)
    world.scan()
    world.run()
    assert len(world.jobs()) == BUILDS_PER_HOUR + 1
    assert world.models.entries[MODEL].status().phase is Phase.PUBLISHED


def test_a_trigger_is_never_held_back(world: World) -> None:
    """Somebody asked for it now."""
    restless(world, BUILDS_PER_HOUR + 1)
    document = f'{{"version": 1, "model": {{"path": "{MODEL.path}"}}}}'.encode()
    with world.serving():
        world.control().submit(document, TriggerSource.API)
    world.run()
    assert len(world.jobs()) == BUILDS_PER_HOUR + 1


def test_jobs_that_never_began_cost_nothing(world: World) -> None:
    """They were superseded before a slot was free."""
    world.executor.is_ready = False
    restless(world, BUILDS_PER_HOUR * 2)
    world.executor.is_ready = True
    world.run()
    assert world.states().count(JobState.PUBLISHED) == 1


def test_nought_means_any_number(world: World) -> None:
    """The breaker can be taken out."""
    restless(world, BUILDS_PER_HOUR + 1)
    assert Pace(world.store, world.clock, 0).free_at(MODEL) is None
