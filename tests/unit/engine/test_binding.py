"""Triggers that come before their model is settled: they wait, are bound, and end with a reason."""

import json
from dataclasses import fields, replace
from threading import Event
from typing import Any

import pytest

from fakes.engine import DATA, DEADLINE_SECONDS, SETTLE_SECONDS, World, a_data_file, an_end
from fakes.samples import MODEL
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.job import UNBOUND, Binding, Job, JobState, TriggerSource
from tflited.domain.limits import Limits
from tflited.domain.model import ModelKind, Snapshot
from tflited.domain.observation import Sight
from tflited.domain.policy import Calibration, ModelType, Policy, Variant
from tflited.domain.ports import Root
from tflited.domain.sandbox import SandboxDemand
from tflited.domain.status import Phase
from tflited.errors import ConfigurationError, Problem, SourceChangedError
from waiting import wait_until

OWN: dict[str, Any] = {"policy": {"override": {"target": "gpu"}}}
GPU = Policy(variants=(Variant.FLOAT16,))
ASKED = {"policy": GPU}
"""What a trigger with an override asks for."""


def send(world: World, path: str = str(MODEL), **more: Any) -> Job:
    """Sends a trigger through the engine's door, as a running daemon does."""
    document = json.dumps({"version": 1, "model": {"path": path}, **more}).encode()
    with world.serving():
        receipt = world.control().submit(document, TriggerSource.API)
    assert receipt.job_id is not None, receipt.reason
    job = world.store.job(receipt.job_id)
    assert job is not None
    return job


def settling(world: World) -> None:
    world.see(sight=Sight.SETTLING, digest=None, reason="its files changed a moment ago")


def phase(world: World) -> Phase:
    return world.models.entries[MODEL].status().phase


def reason(world: World) -> str:
    return world.models.entries[MODEL].status().reason


@pytest.fixture
def own(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose triggers with an override ask for another policy than the folder's."""
    resolve = world.resolver.resolve_trigger

    def resolve_trigger(root: Root, path: str, trigger: Any) -> Any:
        resolved = resolve(root, path, trigger)
        return replace(resolved, policy=ASKED["policy"]) if trigger.override else resolved

    monkeypatch.setattr(world.resolver, "resolve_trigger", resolve_trigger)
    return world


def test_a_copy_and_a_trigger_at_once_are_one_build(world: World) -> None:
    """The trigger waits for the model and does the folder's work; no second job is made."""
    world.scan()
    settling(world)
    job = send(world)
    world.step()
    assert world.store.claim(world.clock.now()) is None, "it is not claimed while it waits"
    world.see()
    world.run()
    (done,) = world.jobs()
    assert (done.id, done.state, done.attempts) == (job.id, JobState.PUBLISHED, 1)
    assert len(world.executor.requests) == 1


def test_a_model_that_no_scan_has_told_of_is_built_when_one_does(world: World) -> None:
    """The document came before the first scan, such as one that lay in the spool at start."""
    world.sources.on_disk = {MODEL.path: ModelKind.SAVED_MODEL}
    job = send(world)
    world.scan()
    assert world.states() == [JobState.QUEUED]
    world.see()
    world.run()
    assert world.states() == [JobState.PUBLISHED]
    assert world.jobs()[0].id == job.id


def test_what_vanished_before_a_scan_ends_the_trigger(world: World) -> None:
    """Nobody waits for ever for a file that was taken away again."""
    world.sources.on_disk = {MODEL.path: ModelKind.SAVED_MODEL}
    send(world)
    world.sources.on_disk.clear()
    world.scan()
    (job,) = world.jobs()
    assert job.state is JobState.SUPERSEDED
    assert job.failure is not None
    assert "no longer in its root" in job.failure.message


def test_waiting_raises_no_attempts_and_writes_nothing(world: World) -> None:
    """However often the model is looked at meanwhile."""
    world.scan()
    settling(world)
    job = send(world)
    for _ in range(5):
        world.clock.advance(1.0)
        settling(world)
        world.scan()
    assert world.jobs() == [job]


def test_the_reason_for_waiting_follows_the_model(world: World) -> None:
    """From settling to held."""
    world.scan()
    settling(world)
    send(world)
    world.see(sight=Sight.HELD, digest=None, reason="a .hold file asks to wait")
    (job,) = world.jobs()
    assert job.waits_for == f"{MODEL} is held: a .hold file asks to wait"
    answer = world.control().explainer.why(str(MODEL))
    assert answer.job == job


def test_a_model_that_turns_out_refused_fails_the_trigger(world: World) -> None:
    """With admission's reason and hint; metrics and hooks hear of it."""
    world.scan()
    settling(world)
    send(world)
    world.see(sight=Sight.REFUSED, digest=None, reason="cut off", hint="copy again")
    (job,) = world.jobs()
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert (job.failure.code, job.failure.message) == ("refused", "cut off")
    assert ("job_finished", job) in world.recorder.told
    assert world.hooks.told == [JobState.FAILED]


def test_a_model_that_goes_away_supersedes_the_trigger(world: World) -> None:
    """With the reason."""
    world.scan()
    settling(world)
    send(world)
    world.see(sight=Sight.GONE, digest=None)
    (job,) = world.jobs()
    assert job.state is JobState.SUPERSEDED
    assert job.failure is not None
    assert "left its root" in job.failure.message


def test_a_trigger_for_what_turns_out_published_is_unchanged(world: World) -> None:
    """The same files were copied over themselves."""
    world.build()
    settling(world)
    send(world)
    world.see()
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.UNCHANGED]


def test_a_trigger_mends_a_set_that_other_hands_changed(world: World) -> None:
    """What is published is what the manifest lists: this was not published any more."""
    (job,) = [world.build()]
    settling(world)
    send(world)
    world.publisher.hurt[world.publisher.directory(job.model)] = "float32/m.tflite: observed 3"
    world.see()
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_force_builds_what_turns_out_published(world: World) -> None:
    """Under the same build key."""
    world.build()
    settling(world)
    send(world, force=True)
    world.see()
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_a_trigger_for_what_is_being_built_is_not_a_second_build(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch-made job publishes what the trigger asks for."""
    release = Event()
    run_attempt = world.executor.run_attempt

    def held(*arguments: Any) -> AttemptOutcome:
        assert release.wait(DEADLINE_SECONDS)
        return run_attempt(*arguments)

    monkeypatch.setattr(world.executor, "run_attempt", held)
    world.scan()
    world.see()
    send(world)
    assert world.states() == [JobState.RUNNING, JobState.QUEUED]
    release.set()
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.UNCHANGED]
    assert len(world.executor.requests) == 1


def test_the_folders_policy_at_binding_holds(world: World) -> None:
    """A policy file that arrives with the model counts for a trigger without one of its own."""
    world.scan()
    settling(world)
    send(world)
    world.resolver.policy = GPU
    world.see()
    world.run()
    assert world.states() == [JobState.PUBLISHED]
    assert world.executor.requests[0].policy.variants == (Variant.FLOAT16,)


def test_a_wrong_policy_file_at_binding_fails_the_trigger(world: World) -> None:
    """With the file's own problem."""
    world.scan()
    settling(world)
    send(world)
    problem = Problem(file=".tflited.toml", key="ops", observed="X", allowed="Y")
    world.resolver.error = ConfigurationError((problem,))
    world.see()
    (job,) = world.jobs()
    assert job.failure is not None
    assert (job.state, job.failure.code) == (JobState.FAILED, "configuration")


def test_another_container_than_the_policy_allows_fails_the_trigger(world: World) -> None:
    """As the reconciler refuses it."""
    world.scan()
    settling(world)
    send(world)
    world.resolver.policy = Policy(model_type=ModelType.KERAS)
    world.see()
    (job,) = world.jobs()
    assert job.failure is not None
    assert "observed saved_model, allowed keras" in job.failure.message


def test_a_model_over_its_limits_fails_the_trigger(world: World) -> None:
    """As the reconciler refuses it, with the figures."""
    world.scan()
    settling(world)
    send(world)
    world.resolver.policy = Policy(limits=Limits(model_files=1))
    files = tuple((name, a_data_file().identity) for name in ("one", "two"))
    world.see(snapshot=Snapshot(kind=ModelKind.SAVED_MODEL, files=files))
    (job,) = world.jobs()
    assert job.failure is not None
    assert (job.failure.code, "2 files, allowed 1" in job.failure.message) == ("model_limit", True)


def test_a_triggers_own_data_are_waited_for(own: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They settle like a model; nothing but the trigger uses them, and it is woken all the same."""
    monkeypatch.setitem(ASKED, "policy", replace(GPU, calibration=Calibration(data=DATA)))
    own.sources.data = {DATA: (a_data_file(size=1),)}
    own.build()
    job = send(own, save_to="elsewhere", **OWN)
    assert DATA in job.waits_for
    own.scan(scope="other")
    own.scan(scope="other")
    own.clock.advance(SETTLE_SECONDS)
    own.run()
    assert own.states() == [JobState.PUBLISHED, JobState.PUBLISHED]
    assert own.publisher.manifest(MODEL, "elsewhere") is not None


def test_a_model_that_changes_while_its_trigger_runs_is_built_anew_by_it(world: World) -> None:
    """One trigger stays one job, and no second one is made for the change."""
    world.build()
    world.executor.is_holding = True
    job = send(world, force=True)
    world.step()
    wait_until(lambda: len(world.executor.requests) == 2, DEADLINE_SECONDS, what="its attempt")
    settling(world)
    world.executor.is_holding = False
    world.run()
    world.see("2")
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]
    manifest = world.publisher.manifest(MODEL)
    assert manifest is not None
    assert manifest.job == job.id


def test_a_change_during_the_copy_sends_a_trigger_back_to_wait(world: World) -> None:
    """The sources look anew; the trigger's job is not lost."""
    world.build()
    world.sources.error = SourceChangedError("It changed.")
    send(world, force=True)
    world.run()
    world.sources.error = None
    job = world.jobs()[-1]
    assert job.state is JobState.QUEUED
    assert "settling" in job.waits_for
    assert world.sources.looked == [(MODEL.root, MODEL.path)]
    world.see()
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_a_root_that_is_no_longer_configured_ends_the_wait(world: World) -> None:
    """A reload took it out."""
    world.scan()
    settling(world)
    send(world)
    world.models.roots.clear()
    world.models.entries.clear()
    world.engine.reconsider_all()
    (job,) = world.jobs()
    assert job.state is JobState.SUPERSEDED
    assert job.failure is not None
    assert "no longer configured" in job.failure.message


def test_a_root_that_cannot_be_read_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a start, with the share not mounted yet; it is not asked, since that may hang."""
    world.sources.on_disk = {MODEL.path: ModelKind.SAVED_MODEL}
    send(world)

    def refuse(*_: object) -> None:
        pytest.fail("asked a root that cannot be read")

    monkeypatch.setattr(world.sources, "find_model", refuse)
    world.store.recover()
    world.scan(is_available=False, reason="not mounted")
    (job,) = world.jobs()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert job.waits_for == "root models cannot be read: not mounted"


def test_an_own_policy_in_the_mirrored_place_is_not_undone(own: World) -> None:
    """The reconciler takes the set for published as long as the folder asks for the same."""
    own.build()
    job = send(own, **OWN)
    own.run()
    assert own.states() == [JobState.PUBLISHED, JobState.PUBLISHED]
    manifest = own.publisher.manifest(MODEL)
    assert manifest is not None
    assert manifest.folder_key == own.jobs()[0].input_key
    own.scan()
    own.see()
    assert len(own.jobs()) == 2
    assert phase(own) is Phase.PUBLISHED
    assert reason(own) == f"published by job {job.id} under a trigger's own policy"


def test_a_stored_policy_that_cannot_be_read_fails_its_trigger(own: World) -> None:
    """Another release or a bad disk wrote it: the engine goes on, and the sender is told."""
    own.executor.is_ready = False
    own.scan()
    settling(own)
    job = send(own, **OWN)
    names = [entry.name for entry in fields(Binding)]
    binding = Binding(**{name: getattr(job, name) for name in names})
    own.store.bind(job.id, replace(binding, policy_json="{'"))
    own.see()
    failed = own.store.job(job.id)
    assert failed is not None
    assert failed.state is JobState.FAILED
    assert failed.failure is not None
    assert "cannot be read" in failed.failure.message


def test_an_own_policy_that_waits_keeps_the_folder_from_building_first(own: World) -> None:
    """One of the two does the work: the set the folder would build is replaced at once."""
    own.scan()
    settling(own)
    own.executor.is_ready = False
    job = send(own, **OWN)
    assert job.folder_key == UNBOUND
    own.see()
    assert own.states() == [JobState.QUEUED]
    assert "under a trigger's own policy" in reason(own)
    own.executor.is_ready = True
    own.run()
    assert own.states() == [JobState.PUBLISHED]


@pytest.mark.parametrize("change", ["model", "policy"])
def test_a_change_gives_the_mirrored_place_back_to_the_folder(own: World, change: str) -> None:
    """The trigger asked for that state of things only."""
    own.build()
    send(own, **OWN)
    own.run()
    if change == "policy":
        own.resolver.policy = Policy(variants=(Variant.FLOAT32,))
        own.scan()
    else:
        own.see("2")
    own.run()
    assert own.states() == [JobState.PUBLISHED] * 3
    manifest = own.publisher.manifest(MODEL)
    assert manifest is not None
    assert (manifest.job, manifest.folder_key) == (3, None)


@pytest.mark.parametrize(
    ("is_forced", "state"), [(True, JobState.PUBLISHED), (False, JobState.UNCHANGED)]
)
def test_a_plain_trigger_goes_back_to_the_folders_policy_when_forced(
    own: World, is_forced: bool, state: JobState
) -> None:
    """Without force nothing changed, so that a nightly trigger undoes nobody's wish."""
    own.build()
    send(own, **OWN)
    own.run()
    send(own, force=is_forced)
    own.run()
    assert own.states() == [JobState.PUBLISHED, JobState.PUBLISHED, state]
    manifest = own.publisher.manifest(MODEL)
    assert manifest is not None
    assert (manifest.folder_key is None) is is_forced


def test_other_versions_make_a_triggers_set_stale_and_do_not_undo_it(own: World) -> None:
    """Not even where the settings rebuild on an upgrade: the folder's policy was not asked for."""
    own.build()
    send(own, **OWN)
    own.run()
    own.toolchain["tensorflow"] = "2.22.0"
    own.engine.reconsider_all()
    assert phase(own) is Phase.STALE
    eager = own.decider(should_rebuild_on_upgrade=True)
    decision = eager.decide(own.root, own.models.entries[MODEL].observation)
    assert decision.phase is Phase.STALE
    assert "send that trigger again" in decision.hint


def test_a_place_of_its_own_is_the_triggers_alone(own: World) -> None:
    """A plain trigger builds the folder's policy there, whatever it held before."""
    own.build()
    send(own, save_to="elsewhere", **OWN)
    own.run()
    manifest = own.publisher.manifest(MODEL, "elsewhere")
    assert manifest is not None
    assert manifest.folder_key is None
    send(own, save_to="elsewhere")
    own.run()
    send(own, save_to="elsewhere", **OWN)
    own.run()
    assert own.states() == [JobState.PUBLISHED] * 4


def test_an_own_policy_that_fails_leaves_the_folder_alone(own: World) -> None:
    """The set stays, and the model is not taken for failed."""
    own.build()
    own.executor.script = [an_end(AttemptResult.ERROR)]
    send(own, **OWN)
    own.run()
    assert own.states() == [JobState.PUBLISHED, JobState.FAILED]
    assert phase(own) is Phase.PUBLISHED


def test_a_cancelled_wait_leaves_the_folder_alone(world: World) -> None:
    """Who takes a trigger back does not stop the folder's own build."""
    world.scan()
    settling(world)
    job = send(world)
    world.engine.cancel(job, JobState.CANCELLED)
    world.see()
    world.run()
    assert world.states() == [JobState.CANCELLED, JobState.PUBLISHED]


def test_a_failed_trigger_can_be_tried_again(world: World) -> None:
    """Once the model is whole, ``retry`` binds the same job."""
    world.scan()
    settling(world)
    job = send(world, save_to="elsewhere")
    world.see(sight=Sight.REFUSED, digest=None, reason="cut off")
    world.see()
    world.run()
    with world.serving():
        world.control().retry(job.id)
    world.run()
    retried = world.store.job(job.id)
    assert retried is not None
    assert retried.state is JobState.PUBLISHED


def test_a_root_without_the_sandbox_is_in_the_job_before_the_child_runs(world: World) -> None:
    """The row is durable before the model's code runs, and the setting of that moment counts."""
    world.models.roots[world.root.name].root = replace(world.root, sandbox=SandboxDemand.OFF)
    world.scan()
    world.see()
    world.run()
    (job,) = world.jobs()
    (request,) = world.executor.requests
    assert (job.sandbox, request.sandbox) == (SandboxDemand.OFF, SandboxDemand.OFF)
    assert "outside the sandbox" in world.explainer().why(str(MODEL)).summary


def test_a_root_says_nothing_and_the_sandbox_is_required(world: World) -> None:
    """So that the test above can fail."""
    world.scan()
    world.see()
    world.run()
    (job,) = world.jobs()
    (request,) = world.executor.requests
    assert (job.sandbox, request.sandbox) == (SandboxDemand.REQUIRED, SandboxDemand.REQUIRED)
    assert "sandbox" not in world.explainer().why(str(MODEL)).summary
