"""Keeps one session with the scheduler: opens it, looks at it, makes another when it is lost."""

from collections.abc import Callable, Mapping
from threading import Event, Thread
from time import monotonic
from typing import Final

import structlog

from tflited.domain.cluster import ClusterSettings, ClusterState
from tflited.domain.ports import Clock
from tflited.workers.cluster.roster import Member, Roster
from tflited.workers.cluster.session import Session
from tflited.workers.cluster.setting_up import set_up

CONNECTING: Final = "not connected yet"
"""The reason before the first connection came or failed."""
FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 1.0
_LONGEST_REASON: Final = 300
_LOG = structlog.get_logger()


class Link:
    """Owns the thread ``cluster`` that keeps a session.

    Args:
        settings: which cluster.
        versions: the daemon's own, for the roster.
        clock: time.
        show: told whenever it looked, and when the session is lost.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        versions: Mapping[str, str],
        clock: Clock,
        show: Callable[[ClusterState], None],
    ) -> None:
        self._settings = settings
        self._versions = versions
        self._clock = clock
        self._show = show
        self._stopping = Event()
        self._known: dict[str, Member] = {}
        self.session: Session | None = None
        self.reason = CONNECTING
        # A client that hangs must not keep the process: the daemon ends without it.
        self._thread = Thread(target=self._keep, name="cluster", daemon=True)

    def start(self) -> None:
        """Starts the thread; returns at once, whether the scheduler is there or not."""
        set_up()
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends the session and the thread."""
        self._stopping.set()
        session = self.session
        if session is not None:
            session.lost.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)

    def _keep(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            began = monotonic()
            try:
                self._live_once()
            except Exception as error:  # noqa: BLE001  # Dask raises whatever it likes
                self._lost(error)
            is_lasting = monotonic() - began > LONGEST_DELAY_SECONDS
            delay = FIRST_DELAY_SECONDS if is_lasting else delay
            self._stopping.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    def _live_once(self) -> None:
        """One session from its beginning to its end."""
        roster = Roster(self._versions, self._settings.attempt_memory_bytes, self._clock)
        session = Session(self._settings, roster)
        try:
            while not session.lost.is_set():
                members = session.look()
                if self.session is None:
                    self.session, self.reason = session, ""
                    _LOG.info("cluster_connected", scheduler=self._settings.scheduler)
                self._tell(members)
                session.lost.wait(LOOK_SECONDS)
        finally:
            self.session = None
            self._show(ClusterState())
            session.close()

    def _lost(self, error: Exception) -> None:
        text = " ".join(str(error).split()) or type(error).__name__
        is_news = self.reason in {"", CONNECTING}
        self.reason = f"{self._settings.scheduler}: {text}"[:_LONGEST_REASON]
        self._known.clear()
        if is_news:
            _LOG.warning(
                "cluster_lost",
                scheduler=self._settings.scheduler,
                reason=text[:_LONGEST_REASON],
            )

    def _tell(self, members: tuple[Member, ...]) -> None:
        """Logs what is new of each worker."""
        self._show(_state(members))
        for member in members:
            known = self._known.get(member.address)
            if known is not None and bool(known.refusal) is bool(member.refusal):
                continue
            if member.refusal:
                _LOG.warning(
                    "worker_refused",
                    worker=member.name,
                    address=member.address,
                    reason=member.refusal,
                )
            else:
                _LOG.info(
                    "worker_accepted",
                    worker=member.name,
                    address=member.address,
                    slots=member.slots,
                )
        present = {member.address: member for member in members}
        for address in self._known.keys() - present.keys():
            _LOG.warning("worker_left", worker=self._known[address].name, address=address)
        self._known = present


def _state(members: tuple[Member, ...]) -> ClusterState:
    accepted = [member for member in members if not member.refusal]
    return ClusterState(
        is_connected=True,
        accepted=len(accepted),
        refused=len(members) - len(accepted),
        slots=sum(member.slots for member in accepted),
    )
