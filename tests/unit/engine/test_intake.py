"""A trigger becomes a job, is known already, or is refused with the reason."""

import errno
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from fakes.engine import DATA, World, a_data_file, with_calibration
from fakes.samples import MODEL
from tflited.domain.job import UNBOUND, JobState, TriggerSource
from tflited.domain.model import ModelId, ModelKind, Snapshot
from tflited.domain.observation import Sight
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import (
    ConfigurationError,
    OverCapacityError,
    Problem,
    Refusal,
    TriggerRefusedError,
)


@pytest.fixture
def seen(world: World) -> World:
    """The model is there, no slot is ready, and its own job is over."""
    world.build()
    return world


def send(world: World, path: str = str(MODEL), **more: Any) -> TriggerReceipt:
    document = {"version": 1, "model": {"path": path}, **more}
    intake = world.engine.parts.intake
    receipt = intake.receive(json.dumps(document).encode(), TriggerSource.API, world.clock.now())
    if not receipt.is_accepted:
        raise TriggerRefusedError(receipt.reason)
    return receipt


def test_a_refusal_is_kept_by_its_id(seen: World) -> None:
    """What was refused can be looked up; unreadable documents are named by their content."""
    intake, now = seen.engine.parts.intake, seen.clock.now()
    wrong = json.dumps({"version": 1, "id": "a", "model": {"path": "nowhere"}}).encode()
    assert intake.receive(wrong, TriggerSource.API, now).id == "a"
    unread = intake.receive(b"{", TriggerSource.SPOOL, now)
    assert unread.id == intake.receive(b"{", TriggerSource.SPOOL, now).id
    kept = {name: receipt.is_accepted for name, (receipt, _) in seen.store.receipts.items()}
    assert kept == {"a": False, unread.id: False}


def test_a_trigger_for_what_is_published_is_unchanged(seen: World) -> None:
    """It has a job all the same, so that whoever asked can look it up."""
    receipt = send(seen)
    assert receipt.is_accepted
    assert seen.states()[-1] is JobState.UNCHANGED


def test_force_builds_what_is_published(seen: World) -> None:
    """Under the same build key."""
    send(seen, force=True)
    seen.run()
    assert seen.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_the_same_id_is_the_same_job(seen: World) -> None:
    """However often it is sent, and whatever it says the second time."""
    first = send(seen, id="a", force=True)
    second = send(seen, "models/other", id="a")
    assert second.is_duplicate
    assert second.job_id == first.job_id
    assert len(seen.jobs()) == 2


def test_a_policy_of_its_own_may_have_a_place_of_its_own(seen: World) -> None:
    """The mirrored set stays as it is."""
    policy = {"override": {"target": "gpu"}}
    send(seen, policy=policy, save_to="elsewhere")
    seen.run()
    assert seen.publisher.manifest(MODEL, "elsewhere") is not None
    assert seen.resolver.triggers[-1].override == {"target": "gpu"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("models/other", "no model there"),
        (f"{MODEL}/variables", "no model there"),
        ("/etc/passwd", "outside every root"),
        ("models/../x", r"\.\."),
    ],
)
def test_a_path_that_is_no_model_is_refused(seen: World, path: str, reason: str) -> None:
    """A trigger builds a model, not a part of one and nothing outside."""
    with pytest.raises(TriggerRefusedError, match=reason):
        send(seen, path)
    assert len(seen.jobs()) == 1


@pytest.mark.parametrize("sight", [Sight.SETTLING, Sight.HELD])
def test_a_model_that_is_not_settled_is_waited_for(seen: World, sight: Sight) -> None:
    """A script may copy and trigger at once; settling and admission are not skipped for it."""
    seen.see(sight=sight, digest=None, reason="so")
    receipt = send(seen, force=True)
    assert receipt.waits_for == f"{MODEL} is {sight}: so"
    job = seen.jobs()[-1]
    assert (job.id, job.state) == (receipt.job_id, JobState.QUEUED)
    assert (job.build_key, job.waits_for) == (UNBOUND, receipt.waits_for)


def test_a_model_that_no_scan_has_told_of_is_waited_for(seen: World) -> None:
    """It was copied a moment ago: the sources are asked to look."""
    seen.sources.on_disk = {"new.keras": ModelKind.KERAS}
    receipt = send(seen, "models/new.keras")
    assert "not been seen" in receipt.waits_for
    assert seen.sources.looked == [(MODEL.root, "new.keras")]


def test_a_model_that_is_refused_is_refused(seen: World) -> None:
    """Waiting would not heal it; admission's reason and hint are told."""
    seen.see(sight=Sight.REFUSED, digest=None, reason="cut off", hint="copy again")
    with pytest.raises(TriggerRefusedError, match=r"cut off Next: copy again"):
        send(seen, force=True)


def test_a_root_that_cannot_be_read_refuses_what_is_unknown(
    seen: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the model is there cannot be told."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(seen.sources, "find_model", fail)
    with pytest.raises(TriggerRefusedError, match="root models cannot be read: Input"):
        send(seen, "models/new.keras")
    assert seen.recorder.refusals[-1] is Refusal.ROOT_UNREADABLE


def test_a_place_that_cannot_be_is_refused(seen: World) -> None:
    """With the output tree's reason, and not by a fault of the door."""
    with pytest.raises(TriggerRefusedError, match="cannot be a place"):
        send(seen, save_to="a//b")


def test_a_wrong_type_is_refused(seen: World) -> None:
    """The sender is mistaken about what is there."""
    with pytest.raises(TriggerRefusedError, match="observed saved_model, allowed keras"):
        send(seen, model={"path": str(MODEL), "type": "keras"})


def test_a_wrong_policy_file_refuses(seen: World) -> None:
    """With the file's own problem."""
    problem = Problem(file=".tflited.toml", key="ops", observed="X", allowed="Y")
    seen.resolver.error = ConfigurationError((problem,))
    with pytest.raises(TriggerRefusedError, match="ops: observed X"):
        send(seen)
    assert seen.recorder.refusals[-1] is Refusal.POLICY


@pytest.mark.parametrize(
    ("path", "more", "refusal"),
    [
        ("models/other", {}, Refusal.NO_MODEL),
        ("/etc/passwd", {}, Refusal.OUTSIDE),
        (str(MODEL), {"save_to": "../x"}, Refusal.OUTSIDE),
        (str(MODEL), {"save_to": "a//b"}, Refusal.UNFIT),
        (str(MODEL), {"priority": 10}, Refusal.MALFORMED),
        (str(MODEL), {"model": {"path": str(MODEL), "type": "keras"}}, Refusal.MODEL_TYPE),
        ("", {"model": {"hub": "/nowhere", "input_shape": [1]}}, Refusal.HANDLE),
        (str(MODEL), {}, None),
    ],
)
def test_metrics_hear_which_rule_refused(
    seen: World, path: str, more: dict[str, Any], refusal: Refusal | None
) -> None:
    """Each trigger is told once, by its rule, or as accepted."""
    before = len(seen.recorder.refusals)
    with suppress(TriggerRefusedError):
        send(seen, path, **more)
    assert seen.recorder.refusals[before:] == [refusal]


def test_data_that_changes_is_waited_for(seen: World) -> None:
    """The build key is not known yet."""
    seen.resolver.policy = with_calibration()
    seen.sources.data = {DATA: (a_data_file(),)}
    assert DATA in send(seen).waits_for


def test_priority_reaches_the_job(seen: World) -> None:
    """It decides who is claimed first."""
    seen.executor.is_ready = False
    send(seen, force=True, priority=9)
    assert seen.jobs()[-1].priority == 9


HUB = ModelId(root=MODEL.root, path="net.hub.toml")


def a_hub_model(world: World) -> None:
    """A Hub reference that is published."""
    snapshot = Snapshot(kind=ModelKind.HUB, files=())
    world.scan()
    world.see(model=HUB, snapshot=snapshot)
    world.run()


def test_a_hub_trigger_is_kept_as_a_file(world: World) -> None:
    """The daemon's own root holds it; from there it is a model like any other."""
    document = {"version": 1, "model": {"hub": "https://hub.example/net/1"}}
    intake = world.engine.parts.intake
    intake.receive(json.dumps(document).encode(), TriggerSource.API, world.clock.now())
    (kept,) = world.references.iterdir()
    assert "https://hub.example/net/1" in kept.read_text()


def test_a_hub_trigger_for_a_host_that_is_not_allowed(world: World) -> None:
    """Refused with the reason, and nothing is kept."""
    document = {"version": 1, "model": {"hub": "http://hub.example/net/1"}}
    intake = world.engine.parts.intake
    receipt = intake.receive(json.dumps(document).encode(), TriggerSource.API, world.clock.now())
    assert not receipt.is_accepted
    assert "hosts" in receipt.reason
    assert not list(world.references.iterdir())


def test_force_asks_a_hub_handle_again(world: World) -> None:
    """The job waits until the module has come; without force nothing is fetched."""
    a_hub_model(world)
    send(world, str(HUB))
    assert not world.sources.fetched
    receipt = send(world, str(HUB), force=True)
    assert world.sources.fetched == [(HUB.root, HUB.path)]
    entry = world.models.entries[HUB]
    assert entry.observation.sight is Sight.SETTLING
    assert receipt.job_id is not None
    a_hub_model(world)
    job = world.store.job(receipt.job_id)
    assert job is not None
    assert job.state in {JobState.QUEUED, JobState.PUBLISHED}


def test_a_refused_hub_trigger_leaves_no_file(world: World) -> None:
    """A wrong policy is found before the reference is kept: nothing is half-applied."""
    model = {"hub": "https://hub.example/net/1"}
    intake, now = world.engine.parts.intake, world.clock.now()
    world.resolver.error = ConfigurationError(
        (Problem(file="f", key="k", observed="o", allowed="a"),)
    )
    document = {"version": 1, "model": model}
    intake.receive(json.dumps(document).encode(), TriggerSource.API, now)
    assert not list(world.references.iterdir())


def test_a_full_queue_takes_no_trigger_and_records_none(seen: World) -> None:
    """Neither accepted nor refused, so it may come again; what is known already is answered."""
    known = send(seen, id="known", force=True)
    full = replace(seen.engine.parts.intake, queue_capacity=seen.store.active())
    document = json.dumps({"version": 1, "id": "new", "model": {"path": str(MODEL)}}).encode()
    with pytest.raises(OverCapacityError, match="allowed 1") as caught:
        full.receive(document, TriggerSource.API, seen.clock.now())
    assert seen.recorder.refusals[-1] is Refusal.OVER_CAPACITY

    assert caught.value.retryable
    assert caught.value.retry_after_seconds > 0
    assert "new" not in seen.store.receipts
    again = full.receive(document.replace(b"new", b"known"), TriggerSource.API, seen.clock.now())
    assert (again.job_id, again.is_duplicate) == (known.job_id, True)


def test_a_hub_path_outside_the_roots_is_refused(seen: World) -> None:
    """Before anything is kept for it."""
    document = {"version": 1, "model": {"hub": "/elsewhere/net", "input_shape": [1, 4]}}
    intake = seen.engine.parts.intake
    receipt = intake.receive(json.dumps(document).encode(), TriggerSource.API, seen.clock.now())

    assert not receipt.is_accepted
    assert "inside a root" in receipt.reason
    assert list(seen.references.iterdir()) == []
