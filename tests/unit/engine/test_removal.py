"""Sets of models that are gone: when they leave, what stops them, and who lets them go."""

from dataclasses import replace
from pathlib import Path

import pytest

from fakes.engine import SETTLE_SECONDS, World, an_observation
from fakes.samples import MODEL
from tflited.domain.job import TriggerSource
from tflited.domain.model import ModelId, ModelKind
from tflited.domain.observation import Sight
from tflited.domain.policy import OnSourceRemoved, OutputRules, Policy
from tflited.domain.status import Action
from tflited.engine.removal import Removals
from tflited.errors import ConfigurationError, Problem, StorageFailedError, StoragePausedError

REMOVE = Policy(output=OutputRules(on_source_removed=OnSourceRemoved.REMOVE))
ARCHIVE = Policy(output=OutputRules(on_source_removed=OnSourceRemoved.ARCHIVE))


def several(count: int) -> list[ModelId]:
    """So many models of the root."""
    return [ModelId(root=MODEL.root, path=f"folder/net{number}") for number in range(count)]


def publish(world: World, models: list[ModelId], policy: Policy = REMOVE) -> None:
    """Builds every model under a policy whose folder is there."""
    world.resolver.policy = policy
    (world.root.path / "folder").mkdir(exist_ok=True)
    world.scan()
    for model in models:
        world.see(model=model)
        world.run()


def leave(world: World, models: list[ModelId]) -> None:
    """Tells that models are gone."""
    for model in models:
        world.see(model=model, sight=Sight.GONE, digest=None)


def later(world: World, seconds: float = SETTLE_SECONDS) -> None:
    """A whole scan after a while, and what follows from it."""
    world.clock.advance(seconds)
    world.scan()
    world.step()


def published(world: World) -> list[ModelId]:
    """The models with a set in the output."""
    return [manifest.model for manifest in world.publisher.manifests()]


def restarted(world: World) -> Removals:
    """The daemon began anew: the output tree is all that is known."""
    world.models.entries.clear()
    world.models.roots[MODEL.root] = replace(world.models.roots[MODEL.root])
    return world.engine.parts.removals


def test_a_set_leaves_with_the_next_whole_scan(world: World) -> None:
    """Not at the first sight of its absence, and not by a look at a part of the root."""
    (model, other) = several(2)
    publish(world, [model, other])
    leave(world, [model])
    world.scan()
    assert published(world) == [model, other]
    world.clock.advance(SETTLE_SECONDS)
    world.scan(scope="folder")
    assert published(world) == [model, other]
    later(world, 0)
    assert published(world) == [other]


def test_a_model_that_is_replaced_in_place_keeps_its_set(world: World) -> None:
    """``rm -r`` and a new copy: readers have the old set until the new one is there."""
    models = several(3)
    publish(world, models)
    leave(world, models[:1])
    world.clock.advance(SETTLE_SECONDS - 1)
    world.scan()
    world.see(model=models[0], sight=Sight.SETTLING, digest=None)
    later(world)
    assert published(world) == models
    assert list(world.engine.parts.removals.of()) == []


def test_models_are_judged_together_once_none_leaves_any_more(world: World) -> None:
    """A removal under way is not taken for a small one."""
    models = several(30)
    publish(world, models)
    leave(world, models[:5])
    world.clock.advance(SETTLE_SECONDS)
    leave(world, models[5:20])
    world.scan()
    assert len(published(world)) == 30
    later(world)
    assert len(published(world)) == 30, "20 of 30 wait"


def test_a_removal_while_the_daemon_was_down_is_noticed(world: World) -> None:
    """What counts is the scan against the output tree, and no memory."""
    models = several(3)
    publish(world, models, ARCHIVE)
    restarted(world)
    for model in models[1:]:
        world.see(model=model)
    world.scan()
    assert published(world) == models
    later(world)
    assert published(world) == models[1:]
    assert world.publisher.archived == models[:1]


@pytest.mark.parametrize(
    ("recorded", "is_kept"), [(REMOVE, False), (Policy(), True)], ids=["remove", "keep"]
)
def test_the_recorded_rule_holds_where_the_folder_is_gone(
    world: World, recorded: Policy, is_kept: bool
) -> None:
    """A folder's policy left together with its model; the manifest says what it was."""
    models = several(3)
    publish(world, models, recorded)
    (world.root.path / "folder").rmdir()
    restarted(world)
    world.resolver.policy = Policy() if recorded is REMOVE else REMOVE
    for model in models[1:]:
        world.see(model=model)
    later(world, 0)
    later(world)
    assert (models[0] in published(world)) is is_kept


def test_an_edited_policy_holds_for_a_kept_set(world: World) -> None:
    """From keep to remove: the next whole scan lets it go, and the plan says so first."""
    models = several(3)
    publish(world, models, Policy())
    leave(world, models[:1])
    later(world)
    assert published(world) == models
    assert all(entry.action is Action.NOTHING for entry in world.explainer().plan())
    world.resolver.policy = REMOVE
    later(world)
    assert published(world) == models[1:]


def test_a_folder_that_cannot_be_read_takes_no_set_along(world: World) -> None:
    """Its models were not seen, which is not the same as gone."""
    models = several(3)
    publish(world, models)
    leave(world, models[:1])
    world.clock.advance(SETTLE_SECONDS)
    world.scan(trouble={"folder": "Permission denied"})
    assert published(world) == models
    assert "Permission denied" in world.explainer().why(str(models[0])).summary
    later(world)
    assert published(world) == models[1:]


def test_a_wrong_policy_takes_no_set_along(world: World) -> None:
    """What it would say is not known."""
    models = several(3)
    publish(world, models)
    problem = Problem(file=".tflited.toml", key="output", observed="X", allowed="Y")
    world.resolver.error = ConfigurationError((problem,))
    leave(world, models[:1])
    later(world)
    assert published(world) == models


def test_sets_saved_elsewhere_stay(world: World) -> None:
    """A trigger asked for them by name, also where the name is the model's own place."""
    world.resolver.policy = REMOVE
    world.build()
    document = '{"version": 1, "model": {"path": "%s"}, "save_to": "%s", "force": true}'
    with world.serving():
        for place in ("kept/net", str(MODEL)):
            sent = document % (MODEL.path, place)
            receipt = world.control().submit(sent.encode(), TriggerSource.API)
            assert receipt.is_accepted, receipt.reason
    world.run()
    world.run()
    leave(world, [MODEL])
    later(world)
    places = {manifest.save_to for manifest in world.publisher.manifests()}
    assert places == {"kept/net", str(MODEL)}


def test_most_of_a_root_waits_and_builds_go_on(world: World) -> None:
    """Nothing is removed; the status, why, the plan, the gauge and the log tell the command."""
    models = several(20)
    publish(world, models)
    leave(world, models[:15])
    later(world)
    assert published(world) == sorted(models)
    assert ("removals_waiting", 15) in world.recorder.told
    answer = world.explainer().why(str(models[0]))
    assert answer.subject == "removed model"
    assert f"tflited confirm {MODEL.root}" in answer.summary
    assert f"tflited confirm {MODEL.root}" in answer.hint
    assert "15 of 20" in answer.summary
    assert [e.action for e in world.explainer().plan()].count(Action.REMOVE) == 15
    with world.serving():
        (root,) = world.control().status().roots
    assert root.removals_waiting == 15
    world.see("2", model=models[19])
    world.run()
    assert len(world.executor.requests) == 21


def test_confirm_lets_go_what_waits(world: World) -> None:
    """And only that: the next mass removal asks again."""
    models = several(40)
    publish(world, models)
    leave(world, models[:25])
    later(world)
    with world.serving():
        assert world.control().confirm(MODEL.root) == 25
    world.step()
    assert len(published(world)) == 15
    assert world.sources.accepted == [MODEL.root]
    assert (
        world.recorder.told[-1] == ("removals_waiting", 0)
        or (
            "removals_waiting",
            0,
        )
        in world.recorder.told
    )
    leave(world, models[25:37])
    later(world)
    assert len(published(world)) == 15


def test_sources_that_come_back_end_the_wait(world: World) -> None:
    """Nobody has to do anything, and nothing was lost."""
    models = several(20)
    publish(world, models)
    leave(world, models)
    later(world)
    assert world.engine.parts.removals.waiting(MODEL.root) == 20
    for model in models:
        world.see(model=model)
    later(world, 0)
    assert world.engine.parts.removals.waiting(MODEL.root) == 0
    assert published(world) == sorted(models)


def test_the_wait_outlives_a_restart(world: World) -> None:
    """It is what the scan and the output tree say, and no state of its own."""
    models = several(20)
    publish(world, models)
    restarted(world)
    for model in models[:2]:
        world.see(model=model)
    later(world, 0)
    later(world)
    assert world.engine.parts.removals.waiting(MODEL.root) == 18


def test_slow_removals_count_together(world: World) -> None:
    """Scan after scan a few: the brake sees them all."""
    models = several(30)
    publish(world, models)
    for first in range(0, 30, 6):
        leave(world, models[first : first + 6])
        later(world)
    assert len(published(world)) == 18, "12 of 30 went, the next would have been 18"


def test_an_accepted_root_may_be_empty(world: World) -> None:
    """Confirmed while its removals were frozen: what the next look shows is meant."""
    models = several(12)
    publish(world, models)
    world.scan(is_available=False, reason="it came back empty")
    with world.serving():
        assert world.control().confirm(MODEL.root) == 0
    leave(world, models)
    world.scan()
    later(world)
    assert published(world) == []


def test_a_set_that_cannot_leave_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs a scan, and no set is forgotten."""
    models = several(3)
    publish(world, models)

    def full(*_: object, **__: object) -> None:
        raise StoragePausedError("No space.")

    leave(world, models[:1])
    with monkeypatch.context() as patched:
        patched.setattr(world.publisher, "withdraw", full)
        for _ in range(20):
            later(world)
    assert published(world) == models
    assert not world.engine.parts.removals.waiting(MODEL.root), "what failed left nothing"
    later(world)
    assert published(world) == models[1:]


def test_a_failed_fsync_of_a_removal_is_fatal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is for a publication."""
    models = several(3)
    publish(world, models)

    def fail(*_: object, **__: object) -> None:
        raise StorageFailedError("EIO")

    monkeypatch.setattr(world.publisher, "withdraw", fail)
    leave(world, models[:1])
    later(world)
    assert isinstance(world.engine.fatal, StorageFailedError)


def test_a_model_that_is_back_unseen_keeps_its_set(world: World) -> None:
    """The last look before a removal is at the disk itself."""
    models = several(3)
    publish(world, models)
    leave(world, models[:1])
    (world.root.path / models[0].path).mkdir()
    world.sources.on_disk = {models[0].path: ModelKind.SAVED_MODEL}
    later(world)
    assert published(world) == models
    assert world.sources.looked == [(MODEL.root, models[0].path)]


def test_a_root_that_left_the_configuration_keeps_its_sets(world: World, tmp_path: Path) -> None:
    """A reload removes no output, also not what was due at that moment."""
    models = several(3)
    publish(world, models)
    leave(world, models[:1])
    world.clock.advance(SETTLE_SECONDS)
    world.engine.parts.removals.scanned(MODEL.root)
    del world.models.roots[MODEL.root]
    world.engine.parts.removals.advance()
    assert published(world) == models


def test_an_attempt_that_publishes_for_a_gone_model_is_followed(world: World) -> None:
    """It was past the point of no return when its model left."""
    world.resolver.policy = REMOVE
    world.root.path.joinpath("folder").mkdir()
    other = several(1)[0]
    world.scan()
    world.see(model=other)
    world.engine.post(an_observation())
    world.run()
    del world.models.entries[MODEL]
    world.engine.parts.removals.left(MODEL, OnSourceRemoved.REMOVE)
    later(world)
    assert published(world) == [other]
