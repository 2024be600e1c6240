"""A daemon's broker door that dies between the store and the acknowledgement.

Run as ``python dying_door.py URL SOURCE FOLDER``: the first trigger's job is durable in
``FOLDER/jobs.sqlite3`` when the process kills itself; the broker has heard nothing of it.
"""

import os
import signal
import sys
from pathlib import Path

from fakes.stored_world import StoredWorld
from tflited.domain.broker import BrokerSettings
from tflited.domain.control import Control
from tflited.domain.job import TriggerSource
from tflited.domain.trigger import TriggerReceipt
from tflited.triggers.broker.door import BrokerDoor
from waiting import wait_until


class _Dying:
    """Passes everything on; the first submission is the last."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def __getattr__(self, name: str) -> object:
        return getattr(self._control, name)

    def submit(self, document: bytes, source: TriggerSource) -> TriggerReceipt:
        """Stores, and dies before anybody hears of it."""
        self._control.submit(document, source)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nothing comes after SIGKILL")


def main(url: str, source: str, folder: Path) -> None:
    """Opens the door and waits for the end."""
    world = StoredWorld(folder)
    with world.open():
        door = BrokerDoor(
            BrokerSettings(url=url, source=source),
            _Dying(world.control()),  # type: ignore[arg-type]  # the rest is passed on by name
            folder,
            directory_of=lambda _: folder,
            show_connected=lambda _: print("connected", flush=True),  # noqa: T201  # for the test
        )
        door.start()
        wait_until(lambda: False, 60, what="the end")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
