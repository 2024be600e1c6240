"""The order of things: store, owe, answer, acknowledge."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes.control import FakeControl
from tflited.domain.job import TriggerSource
from tflited.triggers.broker.delivery import Delivery, Reply
from tflited.triggers.broker.naming import Naming
from tflited.triggers.broker.receiver import Receiver
from tflited.triggers.broker.replies import Replies

BODY = b'{"version": 1, "id": "t1"}'


class Rig:
    """A receiver that notes what it does, in order."""

    def __init__(self, folder: Path, reply_to: str = "") -> None:
        self.folder, self.control, self.told = folder, FakeControl(), list[str]()
        self.replies = list[Reply]()
        self.receiver = Receiver(
            self.control,
            naming=Naming(folder / "in-hand.json"),
            replies=Replies(folder, self.control, lambda _: folder),
            executor=ThreadPoolExecutor(1),
            send=self._send,
            reply_to=reply_to,
        )

    def take(self, *, reply_to: str = "", body: bytes = BODY, seconds: float = 10.0) -> None:
        """Takes one message."""
        delivery = Delivery(body=body, reply_to=reply_to, acknowledge=self._acknowledge)

        async def run() -> None:
            await asyncio.wait_for(self.receiver.take(delivery), seconds)

        asyncio.run(run())

    async def _send(self, reply: Reply) -> None:
        self.told.append(f"answered, stored {len(self.control.submitted)}")
        self.replies.append(reply)

    async def _acknowledge(self) -> None:
        owed = len(list(self.folder.glob("*.owed.json")))
        self.told.append(f"acknowledged, stored {len(self.control.submitted)}, owed {owed}")


def test_a_message_is_stored_before_it_is_acknowledged(tmp_path: Path) -> None:
    """Without a reply channel nothing is answered or owed."""
    rig = Rig(tmp_path)
    rig.take()
    assert rig.told == ["acknowledged, stored 1, owed 0"]
    assert rig.control.submitted == [(BODY, TriggerSource.BROKER)]


@pytest.mark.parametrize(("configured", "asked"), [("answers", ""), ("other", "answers")])
def test_a_reply_is_owed_before_the_acknowledgement(
    tmp_path: Path, configured: str, asked: str
) -> None:
    """The message's own channel wins over the configured one."""
    rig = Rig(tmp_path, configured)
    rig.take(reply_to=asked)
    assert rig.told == ["answered, stored 1", "acknowledged, stored 1, owed 1"]
    assert [reply.channel for reply in rig.replies] == ["answers"]


def test_a_refusal_is_answered_and_acknowledged(tmp_path: Path) -> None:
    """It is done with; no end is owed."""
    rig = Rig(tmp_path, "answers")
    rig.control.refusal = "no such model"
    rig.take()
    assert rig.told == ["answered, stored 1", "acknowledged, stored 1, owed 0"]
    assert b"no such model" in rig.replies[0].body


def test_a_closed_receiver_holds_what_comes(tmp_path: Path) -> None:
    """It is neither stored nor acknowledged, so it comes again after the restart."""
    rig = Rig(tmp_path)
    rig.receiver.close()
    with pytest.raises(TimeoutError):
        rig.take(seconds=0.1)
    assert rig.told == []
    assert rig.control.submitted == []
