"""The door for a message broker as the daemon holds it: a thread, and what it says of itself."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Thread

from tflited.domain.broker import BrokerSettings
from tflited.domain.control import Control
from tflited.domain.job import Job
from tflited.domain.status import HealthCheck
from tflited.triggers.broker.sessions import Sessions


class BrokerDoor:
    """Takes triggers from one message broker, in a thread named ``broker``, or from none.

    Args:
        settings: which broker; None for no broker, and the door does nothing.
        control: where triggers go.
        state: the daemon's state folder.
        directory_of: where the set of a published job is.
        show_connected: told whenever the connection comes or goes.
    """

    def __init__(
        self,
        settings: BrokerSettings | None,
        control: Control,
        state: Path,
        *,
        directory_of: Callable[[Job], Path],
        show_connected: Callable[[bool], None],
    ) -> None:
        self._sessions = settings and Sessions(
            settings, control, state, directory_of=directory_of, show_connected=show_connected
        )
        self._should_end = Event()
        self._end: Callable[[], object] = lambda: None
        # A client that hangs must not keep the process: the daemon ends without it.
        self._thread = Thread(target=self._run, name="broker", daemon=True)

    def start(self) -> None:
        """Starts the thread; returns at once, whether the broker is there or not."""
        if self._sessions:
            self._thread.start()

    def stop_taking(self) -> None:
        """Takes no more triggers; results are still sent."""
        if self._sessions:
            self._sessions.receiver.close()

    def stop(self, deadline_seconds: float) -> None:
        """Ends the connection and the thread; what is unacknowledged is delivered again."""
        self.stop_taking()
        self._should_end.set()
        self._end()
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)

    def checks(self) -> tuple[HealthCheck, ...]:
        """Whether the broker is connected; the daemon accepts work without it."""
        if not self._sessions:
            return ()
        reason = self._sessions.reason
        return (HealthCheck(name="broker", is_ok=not reason, reason=reason, is_required=False),)

    def _run(self) -> None:
        if not self._sessions:
            return
        loop = asyncio.new_event_loop()
        # What a client's own tasks raise is seen by the next check of the connection.
        loop.set_exception_handler(lambda _, __: None)
        end = asyncio.Event()
        self._end = partial(loop.call_soon_threadsafe, end.set)
        if self._should_end.is_set():
            end.set()
        try:
            loop.run_until_complete(self._sessions.run(end))
        finally:
            self._end = lambda: None
            loop.close()  # not asyncio.run: that waits for every task, however a client hangs
