"""Triggers through real brokers, from producers with each broker's own plain client."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from broker_doors import TAKE_SECONDS, OpenDoor, Stumbling, flood, triggered, wait_triggered
from brokers import Server
from fakes.stored_world import StoredWorld, a_document
from producers import Reader, reading, send
from tflited.domain.broker import BrokerSettings
from tflited.errors import CannotStartError, StoragePausedError
from waiting import wait_until

TESTS = Path(__file__).parents[2]


def told(reader: Reader, event: str) -> list[dict[str, Any]]:
    """What a reply channel brought of one kind."""
    messages = (json.loads(message.body) for message in reader.heard)
    return [message for message in messages if message["event"] == event]


def test_plain_message_becomes_a_job_and_its_results_are_told(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """Bare JSON is enough, the receipt comes first, and the end names the manifest."""
    world, replies = StoredWorld(tmp_path), f"{source}-replies"
    settings = BrokerSettings(url=server.url, source=source, reply_to=replies)
    with world.open(), open_door(settings, world) as door:
        door.wait_connected()
        with reading(server, replies) as reader:
            send(server, source, [a_document(id="t1")])
            wait_until(lambda: told(reader, "ended"), TAKE_SECONDS, what="the result")
        (job,) = triggered(world)
    (receipt,), (result,) = told(reader, "received"), told(reader, "ended")
    assert receipt["is_accepted"] is True
    assert (receipt["id"], receipt["job_id"]) == ("t1", job.id)
    assert (result["id"], result["job_id"], result["model"]) == ("t1", job.id, "models/m0")
    assert result["state"] in {"published", "unchanged"}
    assert result["manifest"].endswith("models/m0/manifest.json")
    assert {message.correlation for message in reader.heard} == {"t1"}


def test_malformed_and_duplicate_messages_are_answered_and_done_with(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """Rubbish is refused with the reason and does not come again; the same id is the same job."""
    world, replies = StoredWorld(tmp_path), f"{source}-replies"
    settings = BrokerSettings(url=server.url, source=source, reply_to=replies)
    rubbish = [b"{nonsense", b"\xff\xfe\x00", b"", b"[" * 60_000, a_document("nowhere")]
    bodies = [*rubbish, a_document(id="once"), a_document(id="once"), b"x" * 100_000]
    with world.open():
        with open_door(settings, world) as door:
            door.wait_connected()
            with reading(server, replies) as reader:
                send(server, source, bodies)
                wait_until(
                    lambda: len(told(reader, "received")) == len(bodies),
                    TAKE_SECONDS,
                    what="every receipt",
                )
        again = Stumbling(world.control(), [])
        with open_door(settings, world, again):
            send(server, source, [a_document(id="last")])
            wait_triggered(world, 2)
            assert again.submitted == 1
        receipts = told(reader, "received")
        refused = [receipt for receipt in receipts if not receipt["is_accepted"]]
        assert len(refused) == len(rubbish) + 1
        assert all(receipt["reason"] for receipt in refused)
        assert [r["is_duplicate"] for r in receipts if r["id"] == "once"] == [False, True]
        assert [job.trigger_id for job in triggered(world)] == ["once", "last"]


def test_crash_between_store_and_acknowledgement_makes_one_job(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """The message comes again after the crash, meets its own id although it brought none."""
    script = Path(__file__).with_name("dying_door.py")
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent / 'daemon'}"}
    command = [sys.executable, str(script), server.url, source, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        output = process.stdout
        assert output is not None
        wait_until(lambda: b"connected" in output.readline(), 60, what="the door")
        send(server, source, [a_document(force=True)])
        assert process.wait(60) == -signal.SIGKILL
    world = StoredWorld(tmp_path)
    control = Stumbling(world.control(), [])
    with world.open():
        (before,) = triggered(world)
        settings = BrokerSettings(url=server.url, source=source)
        with open_door(settings, world, control):
            wait_until(lambda: control.submitted, TAKE_SECONDS, what="the message again")
            send(server, source, [a_document(id="next")])
            jobs = wait_triggered(world, 2)
    assert [job.trigger_id for job in jobs] == [before.trigger_id, "next"]
    assert control.submitted == 2


def test_broker_killed_and_restarted_is_used_again(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """The loss is told with a reason, and messages come again when the broker is back."""
    world = StoredWorld(tmp_path)
    with world.open(), open_door(BrokerSettings(url=server.url, source=source), world) as door:
        door.wait_connected()
        send(server, source, [a_document(id="before")])
        wait_triggered(world, 1)
        server.kill()
        assert door.wait_lost()
        server.start()
        door.wait_connected()
        send(server, source, [a_document(id="after")])
        assert [job.trigger_id for job in wait_triggered(world, 2)] == ["before", "after"]
    assert door.shown[:3] == [True, False, True]


def test_broker_absent_at_start_is_used_when_it_appears(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """The door opens without the broker, says why nothing comes, and finds it later."""
    world = StoredWorld(tmp_path)
    server.kill()
    with world.open(), open_door(BrokerSettings(url=server.url, source=source), world) as door:
        wait_until(lambda: door.shown, 20, what="the first failure")
        assert door.shown == [False]
        assert not door.checks()[0].is_required
        server.start()
        door.wait_connected()
        send(server, source, [a_document(id="t1")])
        wait_triggered(world, 1)


def test_message_sent_while_the_daemon_is_away_is_taken_at_its_return(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """A stop takes nothing with it that the broker keeps for this daemon."""
    world = StoredWorld(tmp_path)
    settings = BrokerSettings(url=server.url, source=source)
    with world.open():
        with open_door(settings, world) as door:
            door.wait_connected()
        send(server, source, [a_document(id="away")])
        with open_door(settings, world):
            assert wait_triggered(world, 1)[0].trigger_id == "away"


def test_message_is_held_while_it_cannot_be_stored(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """A full disk or a busy engine costs time, not the message, and not the connection."""
    world = StoredWorld(tmp_path)
    failures = [StoragePausedError("full"), CannotStartError("busy"), StoragePausedError("full")]
    control = Stumbling(world.control(), list(failures))
    settings = BrokerSettings(url=server.url, source=source)
    with world.open(), open_door(settings, world, control) as door:
        door.wait_connected()
        send(server, source, [a_document(id="t1"), a_document(id="t2")])
        jobs = wait_triggered(world, 2)
        assert [job.trigger_id for job in jobs] == ["t1", "t2"]
        assert control.submitted == len(failures) + 2
        assert door.shown == [True]


def test_message_may_name_its_own_reply_channel(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """Results go where the message asks, with its own correlation id."""
    world, replies = StoredWorld(tmp_path), f"{source}-mine"
    settings = BrokerSettings(url=server.url, source=source)
    with world.open(), open_door(settings, world) as door:
        door.wait_connected()
        with reading(server, replies) as reader:
            send(server, source, [a_document(id="t1")], reply_to=replies, tag="tag-7")
            wait_until(lambda: told(reader, "ended"), TAKE_SECONDS, what="the result")
    assert [message.correlation for message in reader.heard] == ["tag-7", "tag-7"]


def test_many_triggers_over_few_models_lose_nothing(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """A flood with repetitions; tests/faults/triggers has a larger one."""
    flood(server, source, open_door, StoredWorld(tmp_path, models=5), 100)
