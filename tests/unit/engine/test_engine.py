"""The engine's decisions from sighting to publication, over doubles of everything outside."""

from dataclasses import replace
from typing import NoReturn

import pytest

from fakes.engine import (
    DATA,
    DEADLINE_SECONDS,
    SETTLE_SECONDS,
    World,
    a_data_file,
    an_end,
    with_calibration,
)
from fakes.samples import MODEL, NOON
from tflited.domain.attempt import AttemptResult
from tflited.domain.job import JobState
from tflited.domain.observation import RootObservation, Sight
from tflited.domain.policy import OnSourceRemoved, OutputRules, Policy, Variant
from tflited.domain.retry import MAX_DEATHS, STORAGE_SECONDS, delay_seconds
from tflited.domain.status import Phase
from tflited.errors import (
    ConfigurationError,
    OutputError,
    Problem,
    SourceChangedError,
    StorageFailedError,
    StoragePausedError,
    StoreCorruptError,
    TflitedError,
)
from waiting import wait_until


def phase(world: World) -> Phase:
    return world.models.entries[MODEL].status().phase


def test_a_settled_model_is_published_by_one_job(world: World) -> None:
    """From sighting to set: one job, one attempt, one manifest."""
    job = world.build()
    assert job.state is JobState.PUBLISHED
    assert len(world.executor.requests) == 1
    manifest = world.publisher.manifest(MODEL)
    assert manifest is not None
    assert (manifest.job, manifest.build_key) == (job.id, job.build_key)
    assert phase(world) is Phase.PUBLISHED
    assert world.hooks.told == [JobState.PUBLISHED]


def test_seeing_the_same_again_builds_nothing(world: World) -> None:
    """Equal build key means nothing to do, however often it is seen."""
    world.build()
    world.see()
    world.scan()
    assert world.states() == [JobState.PUBLISHED]


def test_a_new_digest_builds_again(world: World) -> None:
    """Another content is another build key."""
    world.build()
    world.see("2")
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_a_queued_job_is_superseded_by_a_new_digest(world: World) -> None:
    """Only the newest content is built, when no slot was free before."""
    world.executor.is_ready = False
    world.scan()
    world.see("1")
    world.see("2")
    assert world.states() == [JobState.SUPERSEDED, JobState.QUEUED]


def test_a_running_attempt_is_cancelled_by_a_new_digest(world: World) -> None:
    """No slot works on a content that is no longer on disk."""
    world.hold()
    world.see("2")
    world.run()
    assert world.states() == [JobState.SUPERSEDED, JobState.PUBLISHED]


def test_a_model_that_changes_again_ends_its_attempt(world: World) -> None:
    """Already the first write supersedes the attempt; the next job waits for quiet."""
    world.hold()
    world.see(sight=Sight.SETTLING, digest=None, reason="changed")
    world.run()
    assert world.states() == [JobState.SUPERSEDED]
    assert phase(world) is Phase.SETTLING


def test_nothing_starts_before_every_root_has_answered(world: World) -> None:
    """A job of an earlier run is not judged by a world half seen."""
    world.see()
    assert world.states() == [JobState.QUEUED]
    world.scan()
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_a_wrong_policy_is_visible_and_heals_with_the_next_scan(world: World) -> None:
    """The model waits with the reason; a mended file builds it."""
    problem = Problem(file=".tflited.toml", key="ops", observed="X", allowed="Y")
    world.resolver.error = ConfigurationError((problem,))
    world.scan()
    world.see()
    assert phase(world) is Phase.POLICY_ERROR
    assert world.jobs() == []
    world.resolver.error = None
    world.scan()
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_another_policy_builds_again(world: World) -> None:
    """The policy is a part of the build key."""
    world.build()
    world.resolver.policy = Policy(variants=(Variant.FLOAT32,))
    world.scan()
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_a_crash_is_tried_again_after_a_delay(world: World) -> None:
    """Not at once, and then on the same job."""
    world.executor.script = [an_end(AttemptResult.CRASH)]
    job = world.build()
    assert (job.state, job.deaths) == (JobState.QUEUED, 1)
    world.clock.advance(delay_seconds(1) - 0.1)
    world.run()
    assert len(world.executor.requests) == 1
    world.clock.advance(0.2)
    world.run()
    assert world.states() == [JobState.PUBLISHED]


@pytest.mark.parametrize(
    "result", [AttemptResult.CRASH, AttemptResult.LIMIT, AttemptResult.TIMEOUT]
)
def test_the_third_death_is_the_last(world: World, result: AttemptResult) -> None:
    """A model that kills its child does so three times and no more."""
    world.executor.script = [an_end(result)] * MAX_DEATHS
    world.build()
    for attempt in range(1, MAX_DEATHS + 1):
        world.clock.advance(delay_seconds(attempt) + 1)
        world.run()
    assert world.states() == [JobState.DEAD]
    world.scan()
    assert len(world.executor.requests) == MAX_DEATHS
    assert world.hooks.told == [JobState.DEAD]
    with world.serving():
        assert world.control().discard(1).state is JobState.CANCELLED
        assert world.control().jobs(states=(JobState.DEAD,)) == []
    world.scan()
    assert len(world.executor.requests) == MAX_DEATHS


def test_a_permanent_failure_waits_for_a_change(world: World) -> None:
    """The same input is not tried again; another one is."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    assert world.build().state is JobState.FAILED
    world.scan()
    assert len(world.jobs()) == 1
    assert phase(world) is Phase.FAILED
    world.see("2")
    world.run()
    assert world.states() == [JobState.FAILED, JobState.PUBLISHED]


def test_a_changed_source_is_looked_at_again(world: World) -> None:
    """The copy has another digest: no failure, but the sources must look."""
    world.sources.error = SourceChangedError("It changed.")
    world.scan()
    world.executor.is_ready = False
    world.see()
    world.executor.is_ready = True
    world.step()
    world.executor.is_ready = False
    world.run()
    assert world.states() == [JobState.SUPERSEDED], "nothing is queued before the fresh look"
    assert phase(world) is Phase.SETTLING
    assert world.sources.looked == [(MODEL.root, MODEL.path)]


def test_draining_puts_running_jobs_back(world: World) -> None:
    """The next start runs them; no death is counted."""
    world.hold()
    world.engine.is_draining = True
    world.engine.cancel_running()
    world.run()
    (job,) = world.jobs()
    assert (job.state, job.deaths) == (JobState.QUEUED, 0)


def test_draining_starts_nothing(world: World) -> None:
    """What is seen meanwhile waits for the next start."""
    world.engine.is_draining = True
    world.scan()
    world.see()
    assert world.executor.requests == []


def test_output_that_is_not_writable_pauses_all_work(world: World) -> None:
    """No processor time for a set that cannot be kept; it resumes by itself."""
    world.publisher.reason = "read-only"
    world.scan()
    world.see()
    assert world.states() == [JobState.QUEUED]
    world.publisher.reason = ""
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_a_failed_fsync_is_fatal(world: World) -> None:
    """What is on disk is unknown: the daemon must start anew, and then it does the job again."""

    def has_ended() -> bool:
        world.step()
        return world.engine.fatal is not None

    world.publisher.errors = [StorageFailedError("EIO")]
    world.scan()
    world.see()
    wait_until(has_ended, DEADLINE_SECONDS, what="the fatal error")
    assert isinstance(world.engine.fatal, StorageFailedError)
    assert world.states() == [JobState.RUNNING]
    assert [job.id for job in world.store.recover()] == [1]


@pytest.mark.parametrize("error", [StorageFailedError("EIO"), StoreCorruptError("torn")])
def test_a_failing_store_is_fatal_whoever_asked(world: World, error: TflitedError) -> None:
    """A caller at a door is told, and the daemon does not go on with that file."""

    def fail() -> None:
        raise error

    with world.serving(), pytest.raises(type(error)):
        world.engine.call(fail)
    assert world.engine.fatal is error


def test_a_set_published_before_the_daemon_ended_is_only_marked(world: World) -> None:
    """The swap was made, the commit was not: no second attempt, one record, one hook."""
    job = world.build()
    manifest = world.publisher.manifest(MODEL)
    assert manifest is not None
    began = len(world.executor.requests)
    world.store._put(replace(job, state=JobState.QUEUED, finished_at=None))
    world.scan()
    world.run()
    assert world.states() == [JobState.PUBLISHED]
    assert len(world.executor.requests) == began
    assert world.publisher.manifest(MODEL) == manifest


@pytest.mark.parametrize(
    ("rule", "is_kept", "archived"),
    [
        (OnSourceRemoved.KEEP, True, []),
        (OnSourceRemoved.ARCHIVE, False, [MODEL]),
        (OnSourceRemoved.REMOVE, False, []),
    ],
)
def test_outputs_of_a_removed_model_follow_the_policy(
    world: World, rule: OnSourceRemoved, is_kept: bool, archived: list[object]
) -> None:
    """Kept by default; archived or removed where the policy says so."""
    world.resolver.policy = Policy(output=OutputRules(on_source_removed=rule))
    world.build()
    world.see(sight=Sight.GONE, digest=None)
    world.clock.advance(SETTLE_SECONDS)
    world.scan()
    world.step()
    assert (world.publisher.manifest(MODEL) is not None) is is_kept
    assert world.publisher.archived == archived
    assert world.models.entries == {}


def test_a_removed_model_leaves_no_queued_job(world: World) -> None:
    """There is nothing to build any more."""
    world.executor.is_ready = False
    world.scan()
    world.see()
    world.see(sight=Sight.GONE, digest=None)
    assert world.states() == [JobState.SUPERSEDED]


def test_a_root_that_went_away_takes_no_model_for_gone(world: World) -> None:
    """An unmounted share is not an empty one."""
    world.build()
    world.scan(is_available=False, reason="not mounted")
    assert phase(world) is Phase.PUBLISHED


def test_an_observation_of_an_unknown_root_is_passed_over(world: World) -> None:
    """A root taken out by a reload may still report once."""
    world.see(model=replace(MODEL, root="gone"))
    assert world.models.entries == {}


def test_a_recovered_job_waits_for_its_model(world: World) -> None:
    """After a start the job is there before its model has settled."""
    world.executor.is_ready = False
    world.scan()
    world.see()
    world.see(sight=Sight.SETTLING, digest=None)
    world.executor.is_ready = True
    world.store.recover()
    world.step()
    (job,) = world.jobs()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert "settling" in job.waits_for
    world.see()
    world.run()
    assert world.states() == [JobState.PUBLISHED]


@pytest.mark.parametrize(
    ("policy", "pattern"),
    [(with_calibration(), DATA), (Policy(custom_objects="/models/own.py"), "/models/own.py")],
    ids=["calibration", "module"],
)
def test_other_data_builds_again_once_it_has_settled(
    world: World, policy: Policy, pattern: str
) -> None:
    """Data and modules are a part of the build key, and settle like a model."""
    world.resolver.policy = policy
    world.sources.data = {pattern: (a_data_file(size=1),)}
    world.scan()
    world.see()
    assert phase(world) is Phase.SETTLING
    world.clock.advance(SETTLE_SECONDS)
    world.run()
    assert world.states() == [JobState.PUBLISHED]
    world.sources.data = {pattern: (a_data_file(size=2),)}
    world.scan()
    assert phase(world) is Phase.SETTLING
    world.clock.advance(SETTLE_SECONDS)
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_other_versions_make_it_stale_and_rebuild_stale_renews_it(world: World) -> None:
    """An upgrade alone builds nothing; asking for it does."""
    world.build()
    world.toolchain["tensorflow"] = "2.22.0"
    world.engine.reconsider_all()
    assert phase(world) is Phase.STALE
    assert world.states() == [JobState.PUBLISHED]
    assert world.engine.rebuild_stale() == 1
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]
    assert phase(world) is Phase.PUBLISHED


def test_a_cancelled_job_is_not_built_by_itself(world: World) -> None:
    """Whoever cancels wants the same input not to be built again at once."""
    world.hold()
    (job,) = world.jobs()
    world.engine.cancel(job, JobState.CANCELLED)
    world.run()
    world.scan()
    world.run()
    assert world.states() == [JobState.CANCELLED]


def test_an_error_of_a_call_reaches_its_caller(world: World) -> None:
    """The engine's thread lives on."""

    def refuse() -> None:
        raise SourceChangedError("no")

    with world.serving():
        with pytest.raises(SourceChangedError):
            world.engine.call(refuse, DEADLINE_SECONDS)
        assert world.engine.call(lambda: 1, DEADLINE_SECONDS) == 1


def test_metrics_hear_of_every_look(world: World) -> None:
    """What was seen of a root is told as it came, and its phases after it; an outage, too."""
    world.scan(models=3, at=NOON)
    (seen,) = [told for name, told in world.recorder.told if name == "root_observed"]
    assert isinstance(seen, RootObservation)
    assert (seen.models, seen.is_available) == (3, True)
    assert "models_changed" in world.recorder.names()

    world.engine.inbox.put(replace(seen, is_available=False))
    world.engine.step()
    assert ("root_observed", replace(seen, is_available=False)) in world.recorder.told


def test_metrics_hear_how_old_the_oldest_change_is(world: World) -> None:
    """While it is on its way; nothing once it is published."""
    world.executor.is_ready = False
    world.scan()
    world.see()
    world.clock.advance(5.0)
    world.step()
    assert ("models_changed", NOON) in world.recorder.told

    world.executor.is_ready = True
    world.run()
    world.clock.advance(5.0)
    world.step()
    assert world.recorder.told[-1] == ("models_changed", None)


def test_a_fault_costs_one_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of in one model's decision leaves the engine to the others."""

    def fault(*_: object) -> NoReturn:
        raise RecursionError("nested too deep")

    world.scan()
    with monkeypatch.context() as patched:
        patched.setattr(world.resolver, "resolve", fault)
        world.see()
    assert world.states() == []
    assert world.engine.fatal is None
    world.scan()
    world.step()
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_a_tick_that_fails_stops_the_heartbeat(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog hears of an engine that lives and does not work."""

    def fault() -> NoReturn:
        raise RuntimeError("broken")

    world.scan()
    world.step()
    before = world.engine.last_tick
    monkeypatch.setattr(world.publisher, "check_writable", fault)
    world.clock.advance(5.0)
    world.step()
    assert world.engine.last_tick == before


def test_an_end_that_cannot_be_stored_is_stored_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk loses no attempt's end."""

    def full(*_: object, **__: object) -> NoReturn:
        raise StoragePausedError("No space.")

    world.scan()
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "finish", full)
        world.see()

        def is_waiting() -> bool:
            world.step()
            return bool(world.engine._unrecorded)

        wait_until(is_waiting, DEADLINE_SECONDS, what="an end that cannot be stored")
    world.clock.advance(2.0)
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_a_name_the_output_cannot_carry_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told by name; ``why`` answers all the same."""

    def refuse(*_: object) -> NoReturn:
        raise OutputError("No such place.", hint="rename the model")

    monkeypatch.setattr(world.publisher, "manifest", refuse)
    monkeypatch.setattr(world.publisher, "directory", refuse)
    world.scan()
    world.see()
    assert phase(world) is Phase.REFUSED
    answer = world.explainer().why(str(MODEL))
    assert "No such place" in answer.summary
    assert answer.hint == "rename the model"
    assert answer.output == ""


def test_a_full_disk_is_waited_for_without_end(world: World) -> None:
    """It is no failure of the model: the wait does not grow, and nothing dies of it."""
    world.publisher.errors = [StoragePausedError("No space.")] * 20
    world.build()
    for _ in range(20):
        world.clock.advance(STORAGE_SECONDS)
        world.run()
    assert world.states() == [JobState.PUBLISHED]
    assert world.hooks.told == [JobState.PUBLISHED]


def test_a_full_disk_under_the_store_is_no_reason_to_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heartbeat goes on, and what could not be queued is queued by the next scan."""

    def full(*_: object, **__: object) -> NoReturn:
        raise StoragePausedError("No space.")

    world.scan()
    with monkeypatch.context() as patched:
        for name in ("accept", "claim"):
            patched.setattr(world.store, name, full)
        world.see()
        world.clock.advance(5.0)
        world.step()
    assert world.states() == []
    assert world.engine.last_tick == world.clock.monotonic()
    world.scan()
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_sets_that_leave_are_collected_every_few_seconds(world: World) -> None:
    """Also while nothing is published: nobody else comes by."""
    world.step()
    before = world.publisher.collections
    for _ in range(3):
        world.clock.advance(5.0)
        world.step()
    assert world.publisher.collections == before + 3
