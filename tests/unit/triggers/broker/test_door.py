"""The broker's door without any broker."""

import subprocess
import sys
from pathlib import Path

from fakes.control import FakeControl
from tflited.domain.broker import BrokerSettings
from tflited.triggers.broker.door import BrokerDoor
from waiting import wait_until


def make_door(folder: Path, settings: BrokerSettings | None, shown: list[bool]) -> BrokerDoor:
    return BrokerDoor(
        settings,
        FakeControl(),
        folder,
        directory_of=lambda _: folder,
        show_connected=shown.append,
    )


def test_no_broker_is_no_thread_and_no_check(tmp_path: Path) -> None:
    """The door is there, and does nothing."""
    door = make_door(tmp_path, None, [])
    door.start()
    door.stop_taking()
    door.stop(1)
    assert door.checks() == ()
    assert list(tmp_path.iterdir()) == []


def test_an_unusable_broker_is_told_and_does_not_keep_the_door_open(tmp_path: Path) -> None:
    """A missing credentials file is a reason like any other; the stop is quick."""
    shown: list[bool] = []
    settings = BrokerSettings(url="redis://127.0.0.1:1", credentials_file=tmp_path / "none")
    door = make_door(tmp_path, settings, shown)
    door.start()
    wait_until(lambda: shown, 20, what="the failure")
    (check,) = door.checks()
    assert (check.name, check.is_ok, check.is_required) == ("broker", False, False)
    assert "credentials_file" in check.reason
    door.stop(10)
    assert not door._thread.is_alive()


def test_clients_are_loaded_only_where_a_broker_is_configured() -> None:
    """The supervisor stays small: importing the door brings none of them."""
    code = (
        "import sys, tflited.triggers.broker.door; "
        "print([name for name in ('faststream', 'redis', 'nats', 'aio_pika', 'zmqtt')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
