"""One connection to the scheduler: used until something is wrong with it, never mended."""

import contextlib
import secrets
from collections.abc import Callable, Collection, Mapping
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from tflited.domain.cluster import ClusterSettings
from tflited.workers.cluster import task
from tflited.workers.cluster.messages import Order, Told, decode_told
from tflited.workers.cluster.roster import MEMORY, SLOT, Member, Roster
from tflited.workers.cluster.setting_up import security
from tflited.workers.wire import WireError

if TYPE_CHECKING:
    from distributed.client import Future

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 5.0
Listener = Callable[[Told], None]


class Session:
    """A client of one scheduler.

    Args:
        settings: where it is, and what attempts reserve.
        roster: judges its workers.

    Raises:
        OSError: it cannot be reached, or refuses the certificate.
    """

    def __init__(self, settings: ClusterSettings, roster: Roster) -> None:
        from distributed import Client

        self._settings = settings
        self._roster = roster
        self._listeners: dict[str, Listener] = {}
        self._lock = Lock()
        self.topic = f"tflited-{secrets.token_hex(16)}"
        self.members: tuple[Member, ...] = ()
        self.lost = Event()
        self._client = Client(
            settings.scheduler,
            security=security(settings.tls),
            timeout=CONNECT_SECONDS,
            set_as_default=False,
            name="tflited",
        )
        self._client.subscribe_topic(self.topic, self._told)

    @property
    def accepted(self) -> tuple[Member, ...]:
        """The workers that get attempts; none once the session is lost."""
        members = () if self.lost.is_set() else self.members
        return tuple(member for member in members if not member.refusal)

    def look(self) -> tuple[Member, ...]:
        """Asks the scheduler for its workers; the answer is kept in ``members``.

        Raises:
            OSError: it is gone, or does not answer within ``ANSWER_SECONDS``.
        """
        client = self._client
        if client.status != "running":
            raise ConnectionError(f"the connection is {client.status}")
        told: Mapping[str, Any] = client.sync(
            client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_SECONDS
        )
        self.members = self._roster.judge(told.get("workers") or {})
        return self.members

    def submit(self, order: Order, addresses: Collection[str], listener: Listener) -> "Future":
        """Sends an order to one of some workers; returns at once.

        Args:
            order: the attempt.
            addresses: of the workers, at least one; with none Dask would take any.
            listener: hears the attempt's signs of life, from Dask's thread; must not block.
        """
        with self._lock:
            self._listeners[order.token] = listener
        resources = {SLOT: 1, MEMORY: self._settings.attempt_memory_bytes}
        return self._client.submit(
            task.build,
            order.encode(),
            key=order.key,
            pure=False,
            retries=0,
            workers=sorted(addresses),
            resources=resources,
        )

    def release(self, order: Order, future: "Future") -> None:
        """Gives an attempt up, however far it is; its worker hears of it and kills its child."""
        with self._lock:
            self._listeners.pop(order.token, None)
        future.release()

    def close(self) -> None:
        """Ends the connection; the scheduler has the workers drop what was under way."""
        self.lost.set()
        # How a connection ends badly is of no use to anybody.
        with contextlib.suppress(OSError, RuntimeError):
            self._client.close(timeout=CLOSE_SECONDS)

    def _told(self, event: tuple[float, object]) -> None:
        """Hears a topic that any worker may write to: what is no sign of life is dropped."""
        try:
            told = decode_told(event[1])
        except WireError:
            return
        with self._lock:
            listener = self._listeners.get(told.token)
        if listener is not None:
            listener(told)
