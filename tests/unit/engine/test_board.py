"""What people look at: figures, lists in parts, and one model, without a word from the engine."""

from dataclasses import replace

import pytest

from fakes.engine import World, an_end
from fakes.samples import MODEL
from tflited.domain.attempt import AttemptResult
from tflited.domain.board import ModelQuery
from tflited.domain.job import JobState
from tflited.domain.model import ModelId
from tflited.domain.status import Phase


def seen(world: World, *paths: str) -> None:
    """Models in their root, held, so that nothing is built."""
    world.scan()
    world.see()
    entry = world.models.entries.pop(MODEL)
    for path in paths:
        model = ModelId(root=MODEL.root, path=path)
        observation = replace(entry.observation, model=model)
        world.models.entries[model] = replace(entry, observation=observation)


def test_the_board_counts_what_is_there(world: World) -> None:
    """Models by phase over all roots, and jobs by state."""
    world.build()
    board = world.control().board()
    assert board.phases[Phase.PUBLISHED] == 1
    assert board.counts.by_state[JobState.PUBLISHED] == 1
    assert [root.name for root in board.roots] == [MODEL.root]
    assert board.running == ()


def test_models_are_found_by_a_part_of_their_name(world: World) -> None:
    """Whatever the case; the counts by phase are of what the text finds."""
    seen(world, "a/Net", "b/net", "c")
    found = world.control().models(ModelQuery(text="NET"))
    assert [model.model.path for model in found.models] == ["a/Net", "b/net"]
    assert (found.total, sum(found.phases.values())) == (2, 2)


def test_models_come_in_parts(world: World) -> None:
    """By name, with the number of all."""
    seen(world, *"cab")
    part = world.control().models(ModelQuery(offset=1, limit=1))
    assert [model.model.path for model in part.models] == ["b"]
    assert part.total == 3


@pytest.mark.parametrize(("phase", "total"), [(Phase.REMOVED, 0), (None, 1)])
def test_models_are_found_by_phase(world: World, phase: Phase | None, total: int) -> None:
    """The counts by phase stay those of all, so that a reader sees what else there is."""
    seen(world, "a")
    found = world.control().models(ModelQuery(phases=() if phase is None else (phase,)))
    assert found.total == total
    assert sum(found.phases.values()) == 1


def test_a_model_has_its_past(world: World) -> None:
    """Its present job, and every build with the job that made it."""
    job = world.build()
    view = world.control().model(str(MODEL))
    assert view is not None
    assert view.status is not None
    assert view.job == job
    assert [past.job for past in view.builds] == [job]


def test_a_model_that_is_gone_still_has_a_past(world: World) -> None:
    """Its jobs are in the store; its status is none."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    world.build()
    world.models.entries.clear()
    view = world.control().model(str(MODEL))
    assert view is not None
    assert view.status is None


@pytest.mark.parametrize("name", ["", "nowhere/x", f"{MODEL.root}/nothing", MODEL.root])
def test_an_unknown_model_is_none(world: World, name: str) -> None:
    """Neither an error nor an empty page."""
    world.build()
    assert world.control().model(name) is None


def test_a_glance_is_taken_anew_when_a_model_stands_elsewhere(world: World) -> None:
    """And only then: ten thousand models are not counted for every reader."""
    world.build()
    looks = world.events.looks()
    first = world.models.glance(looks)
    assert world.models.glance(looks) is first
    world.executor.is_ready = False
    world.see("2")
    assert world.control().board().phases[Phase.PUBLISHED] == 0
    assert world.models.glance(world.events.looks()) is not first


def test_looking_does_not_wait_for_the_engine(world: World) -> None:
    """No thread serves the engine here, and still there is an answer."""
    world.build()
    control = world.control()
    assert control.board().is_ready
    assert control.models(ModelQuery()).total == 1


def test_every_change_of_phase_is_told(world: World) -> None:
    """Whoever follows looks again; a second look at the same thing is none."""
    world.build()
    looks = world.events.looks()
    assert looks > 1
    world.see()
    assert world.events.looks() == looks
