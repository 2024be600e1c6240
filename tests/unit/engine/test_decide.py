"""The decision on one model, case by case; nothing is changed by asking."""

from dataclasses import replace

import pytest

from fakes.engine import DATA, World, a_data_file, an_end, an_observation, with_calibration
from fakes.samples import MODEL
from tflited.domain.attempt import AttemptResult
from tflited.domain.job import JobState, NewJob
from tflited.domain.limits import Limits
from tflited.domain.model import ModelKind, Snapshot
from tflited.domain.observation import Observation, Sight
from tflited.domain.policy import ModelType, Policy
from tflited.domain.status import Action, Phase
from tflited.engine.decide import Decision


def decide(world: World, seen: Observation | None = None) -> Decision:
    return world.decider().decide(world.root, seen or an_observation())


@pytest.mark.parametrize(
    ("sight", "phase", "action"),
    [
        (Sight.SETTLING, Phase.SETTLING, Action.WAIT),
        (Sight.HELD, Phase.HELD, Action.WAIT),
        (Sight.REFUSED, Phase.REFUSED, Action.REFUSE),
        (Sight.GONE, Phase.REMOVED, Action.NOTHING),
        (Sight.ADMITTED, Phase.QUEUED, Action.BUILD),
    ],
)
def test_each_sight_has_its_phase(world: World, sight: Sight, phase: Phase, action: Action) -> None:
    """What the sources saw decides first."""
    decision = decide(world, an_observation(sight=sight))
    assert (decision.phase, decision.action) == (phase, action)


def test_a_refusal_keeps_its_reason_and_hint(world: World) -> None:
    """What admission found reaches the reader."""
    seen = an_observation(sight=Sight.REFUSED, digest=None, reason="cut off", hint="copy again")
    decision = decide(world, seen)
    assert (decision.reason, decision.hint) == ("cut off", "copy again")


def test_a_model_of_another_type_is_refused(world: World) -> None:
    """The policy says keras, the folder holds a SavedModel."""
    world.resolver.policy = Policy(model_type=ModelType.KERAS)
    decision = decide(world)
    assert decision.phase is Phase.REFUSED
    assert "observed saved_model, allowed keras" in decision.reason


@pytest.mark.parametrize("limits", [Limits(model_files=0, model_bytes=1), Limits(model_bytes=0)])
def test_a_model_over_its_limits_is_refused(world: World, limits: Limits) -> None:
    """Before anything is copied; the figures and the key are told, and 0 allows any."""
    world.resolver.policy = Policy(limits=limits)
    files = (("saved_model.pb", a_data_file(size=2).identity),)
    seen = an_observation(snapshot=Snapshot(kind=ModelKind.SAVED_MODEL, files=files))
    decision = decide(world, seen)
    if not limits.model_bytes:
        assert decision.phase is Phase.QUEUED
        return
    assert decision.phase is Phase.REFUSED
    assert "allowed 1" in decision.reason
    assert "limits.model_bytes" in decision.hint


def test_data_that_changes_is_waited_for(world: World) -> None:
    """And named in the reason."""
    world.resolver.policy = with_calibration()
    world.sources.data = {DATA: (a_data_file(),)}
    decision = decide(world)
    assert decision.phase is Phase.SETTLING
    assert DATA in decision.reason


def test_the_reason_names_what_changed(world: World) -> None:
    """Not just that something did."""
    world.build()
    decision = decide(world, an_observation("2"))
    assert decision.action is Action.BUILD
    assert decision.reason == "its model changed since job 1"


def test_a_set_that_other_hands_changed_is_built_anew(world: World) -> None:
    """What is published is what the manifest lists, or it is not published."""
    world.build()
    model = an_observation().model
    world.publisher.hurt[world.publisher.directory(model)] = "float32/m.tflite: observed 3 bytes"
    decision = decide(world)
    assert decision.action is Action.BUILD
    assert decision.reason == "other hands changed its set: float32/m.tflite: observed 3 bytes"
    world.build()
    assert decide(world).phase is Phase.PUBLISHED


def test_an_upgrade_is_stale_unless_the_settings_rebuild(world: World) -> None:
    """The reason names the version before and now."""
    world.build()
    world.toolchain["tensorflow"] = "2.22.0"
    decision = decide(world)
    assert decision.phase is Phase.STALE
    assert "2.21.0, now 2.22.0" in decision.reason
    eager = world.decider(should_rebuild_on_upgrade=True)
    assert eager.decide(world.root, an_observation()).action is Action.BUILD


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.DEAD, JobState.CANCELLED])
def test_an_upgrade_that_failed_is_not_built_for_ever(world: World, state: JobState) -> None:
    """One failure under the new versions is enough; the last good set stays."""
    world.build()
    world.toolchain["tensorflow"] = "2.22.0"
    world.executor.is_ready = False
    world.engine.reconsider_all()
    world.engine.rebuild_stale()
    job = world.store.claim(world.clock.now())
    assert job is not None
    world.store.finish(job.id, state, world.clock.now())
    eager = world.decider(should_rebuild_on_upgrade=True)
    assert eager.decide(world.root, an_observation()).action is Action.NOTHING


def test_a_failed_job_says_how_to_try_again(world: World) -> None:
    """The failure's own hint first, then the command."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    world.build()
    decision = decide(world)
    assert decision.phase is Phase.FAILED
    assert decision.hint.startswith("mend it; ")
    assert "tflited retry 1" in decision.hint


def test_a_job_of_another_place_does_not_answer(world: World) -> None:
    """A trigger's save_to leaves the mirrored place to its own job."""
    world.executor.is_ready = False
    world.scan()
    world.see()
    (job,) = world.jobs()
    world.store.finish(job.id, JobState.SUPERSEDED, world.clock.now())
    fields = {name: getattr(job, name) for name in NewJob.__dataclass_fields__}
    world.store.accept(replace(NewJob(**fields), save_to="elsewhere"), world.clock.now())
    assert decide(world).action is Action.BUILD
    assert world.publisher.manifest(MODEL) is None


def test_what_failed_is_not_tried_again_after_other_contents(world: World) -> None:
    """A to B and back to A: A failed for good, whatever was built in between."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    world.build()
    world.see("2")
    world.run()
    world.see("1")
    world.run()
    assert world.states() == [JobState.FAILED, JobState.PUBLISHED]
    assert world.models.entries[MODEL].status().phase is Phase.FAILED


def test_what_failed_once_and_was_mended_since_is_built(world: World) -> None:
    """The newest job of the same key counts: it was tried again and went well."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    job = world.build()
    world.engine.queued(world.store.retry(job.id, world.clock.now()))
    world.run()
    world.see("2")
    world.run()
    world.see("1")
    world.run()
    assert world.states() == [JobState.PUBLISHED] * 3


def test_what_failed_is_not_tried_again_after_a_restart(world: World) -> None:
    """The store remembers it; an edited policy is tried at once."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    world.build()
    world.models.entries.clear()
    world.store.recover()
    world.see()
    world.run()
    assert world.states() == [JobState.FAILED]
    world.resolver.policy = Policy(require_proof=True)
    world.scan()
    world.run()
    assert world.states() == [JobState.FAILED, JobState.PUBLISHED]
