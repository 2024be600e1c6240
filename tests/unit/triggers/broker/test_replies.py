"""Results that are owed to reply channels."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.control import NOW, FakeControl
from tflited.domain.job import Failure, JobState
from tflited.domain.trigger import TriggerReceipt
from tflited.triggers.broker.replies import Replies

RECEIPT = TriggerReceipt(id="t1", is_accepted=True, job_id=2, at=NOW)


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


def replies_in(folder: Path, control: FakeControl) -> Replies:
    return Replies(folder, control, lambda _: Path("/out/net"))


def test_nothing_is_due_while_the_job_is_active(tmp_path: Path, control: FakeControl) -> None:
    """Job 2 of the double is queued."""
    replies = replies_in(tmp_path, control)
    replies.owe(RECEIPT, "answers", "c")
    assert replies.due() == []


def test_what_is_owed_survives_a_restart_until_it_was_told(
    tmp_path: Path, control: FakeControl
) -> None:
    """The file is there before the message is acknowledged, and goes with the result."""
    replies_in(tmp_path, control).owe(RECEIPT, "answers", "c")
    control.known[2] = replace(control.known[2], state=JobState.PUBLISHED, finished_at=NOW)
    replies = replies_in(tmp_path, control)
    ((name, reply),) = replies.due()
    assert reply is not None
    assert (reply.channel, reply.correlation) == ("answers", "c")
    assert json.loads(reply.body) == {
        "version": 1,
        "event": "ended",
        "id": "t1",
        "job_id": 2,
        "model": "zoo/vision/net.keras",
        "state": "published",
        "manifest": "/out/net/manifest.json",
        "failure": None,
        "at": NOW.isoformat(),
    }
    replies.settle(name)
    assert replies.due() == []
    assert replies_in(tmp_path, control).due() == []


def test_a_failure_is_told_with_its_hint(tmp_path: Path, control: FakeControl) -> None:
    """And no manifest."""
    failure = Failure(code="conversion", message="It failed.", hint="mend it")
    control.known[2] = replace(control.known[2], state=JobState.FAILED, failure=failure)
    replies = replies_in(tmp_path, control)
    replies.owe(RECEIPT, "answers", "")
    ((_, reply),) = replies.due()
    assert reply is not None
    told = json.loads(reply.body)
    assert told["failure"] == {"code": "conversion", "message": "It failed.", "hint": "mend it"}
    assert told["manifest"] is None


def test_the_same_debt_is_kept_once(tmp_path: Path, control: FakeControl) -> None:
    """A message that comes again owes nothing new; a refusal owes nothing at all."""
    replies = replies_in(tmp_path, control)
    replies.owe(RECEIPT, "answers", "c")
    replies.owe(replace(RECEIPT, is_duplicate=True), "answers", "c")
    replies.owe(replace(RECEIPT, is_accepted=False, job_id=None), "answers", "c")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_job_that_the_store_forgot_is_let_go(tmp_path: Path, control: FakeControl) -> None:
    """There is nothing to tell of it."""
    replies = replies_in(tmp_path, control)
    replies.owe(RECEIPT, "answers", "c")
    del control.known[2]
    ((_, reply),) = replies.due()
    assert reply is None


def test_many_debts_are_looked_at_in_turn(tmp_path: Path, control: FakeControl) -> None:
    """A look is bounded, and those behind the bound come with the next."""
    replies = replies_in(tmp_path, control)
    for number in range(250):
        replies.owe(replace(RECEIPT, id=f"t{number}", job_id=1), "answers", "c")
    seen = {name for _ in range(2) for name, _ in replies.due()}
    assert len(seen) == 250


def test_a_stranger_s_file_is_ignored(tmp_path: Path, control: FakeControl) -> None:
    """It costs nothing and stays."""
    (tmp_path / "x.owed.json").write_text("[]")
    assert replies_in(tmp_path, control).due() == []
