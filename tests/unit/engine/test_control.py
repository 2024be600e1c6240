"""The engine's doors: asked from another thread, answered by the engine's own."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import pytest

from fakes.engine import World, an_end
from fakes.samples import MODEL
from tflited.domain.attempt import AttemptResult
from tflited.domain.control import Control
from tflited.domain.job import JobState, TriggerSource
from tflited.domain.status import HealthCheck
from tflited.errors import CannotStartError, Refusal, StoreCorruptError, UsageError

DOCUMENT = json.dumps({"version": 1, "model": {"path": str(MODEL)}}).encode()


def test_a_submitted_trigger_has_a_durable_job(world: World) -> None:
    """Before the receipt is given."""
    world.build()
    with world.serving():
        receipt = world.control().submit(DOCUMENT, TriggerSource.API)
    assert receipt.is_accepted
    assert receipt.job_id is not None
    assert world.control().job(receipt.job_id) is not None
    assert ("trigger_received", None) in world.recorder.told


def test_a_refused_trigger_has_a_receipt_with_the_reason(world: World) -> None:
    """A refusal is an answer, not an error."""
    with world.serving():
        receipt = world.control().submit(b"{", TriggerSource.API)
    assert not receipt.is_accepted
    assert "document" in receipt.reason
    assert ("trigger_received", Refusal.MALFORMED) in world.recorder.told


def test_retry_runs_a_failed_job_again(world: World) -> None:
    """The same job, its counters at zero."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    job = world.build()
    with world.serving():
        world.control().retry(job.id)
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_retry_of_what_did_not_fail_is_refused(world: World) -> None:
    """With the command that does what was meant."""
    job = world.build()
    with world.serving(), pytest.raises(UsageError, match="force"):
        world.control().retry(job.id)


def test_cancel_ends_a_queued_job(world: World) -> None:
    """And the model says so, without another job."""
    world.executor.is_ready = False
    world.scan()
    world.see()
    with world.serving():
        assert world.control().cancel(1).state is JobState.CANCELLED
        with pytest.raises(UsageError, match="only active"):
            world.control().cancel(1)
    world.scan()
    assert world.states() == [JobState.CANCELLED]
    assert world.models.entries[MODEL].status().reason == "job 1 was cancelled"


def test_discard_puts_a_failed_job_away(world: World) -> None:
    """The model says so and is not built again by itself; a second one is refused."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    job = world.build()
    assert job.state is JobState.FAILED
    with world.serving():
        assert world.control().discard(job.id).state is JobState.CANCELLED
        with pytest.raises(UsageError, match="only failed and dead"):
            world.control().discard(job.id)
    world.scan()
    assert world.states() == [JobState.CANCELLED]


@pytest.mark.parametrize("name", ["retry", "cancel", "discard"])
def test_an_unknown_job_is_a_usage_error(world: World, name: str) -> None:
    """Not an internal one."""
    with world.serving(), pytest.raises(UsageError, match="no job 9"):
        getattr(world.control(), name)(9)


def test_readiness_waits_for_the_first_scan(world: World) -> None:
    """Before that nothing is known of the models."""
    checks = {check.name: check for check in world.control().readiness()}
    assert not checks["scan"].is_ok
    world.scan()
    assert all(check.is_ok for check in world.control().readiness())


def test_readiness_names_what_is_wrong(world: World) -> None:
    """A full output and a draining daemon take no work."""
    world.scan()
    world.publisher.reason = "read-only"
    world.engine.is_draining = True
    bad = [check.reason for check in world.control().readiness() if not check.is_ok]
    assert bad == ["read-only", "draining"]


@pytest.mark.parametrize("read", [lambda control: control.jobs(), lambda control: control.job(1)])
def test_a_store_that_cannot_be_read_ends_the_daemon(
    world: World, monkeypatch: pytest.MonkeyPatch, read: Callable[[Control], object]
) -> None:
    """Whoever finds the damage is told; the next start repairs it."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise StoreCorruptError("Job 1 cannot be read.")

    for name in ("jobs", "job"):
        monkeypatch.setattr(world.store, name, refuse)
    with pytest.raises(StoreCorruptError):
        read(world.control())
    assert isinstance(world.engine.fatal, StoreCorruptError)


def test_a_loop_that_stands_still_is_not_alive(world: World) -> None:
    """The watchdog must see it."""
    world.step()
    assert world.control().is_alive()
    world.clock.advance(31)
    assert not world.control().is_alive()


def test_a_daemon_that_has_stopped_answers_at_once(world: World) -> None:
    """Instead of after a timeout."""
    world.engine.is_draining = True
    world.clock.advance(31)
    with pytest.raises(CannotStartError, match="stopping"):
        world.control().plan()


def test_status_plan_and_why_come_from_the_engine(world: World) -> None:
    """One look each, through the doors."""
    world.build()
    with world.serving():
        assert world.control().status().is_ready
        assert [entry.model for entry in world.control().plan()] == [MODEL]
        assert world.control().why(str(MODEL)).subject == "model"
        assert world.control().rebuild_stale() == 0
    assert [job.id for job in world.control().jobs(states=(JobState.PUBLISHED,))] == [1]


def test_reload_is_handed_on(world: World) -> None:
    """The composition root reads the files."""
    world.control().reload()
    assert ("reloaded", True) in world.recorder.told


def test_doors_are_told_beside_the_engine_s_own_checks(world: World) -> None:
    """A door that is not required does not make the daemon unready."""
    world.scan()
    away = HealthCheck(name="broker", is_ok=False, reason="refused", is_required=False)
    control = replace(world.control(), doors=lambda: (away,))
    with world.serving():
        status = control.status()
    assert away in status.checks
    assert status.is_ready
