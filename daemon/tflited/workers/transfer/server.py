"""Accepts connections for the depot, bounds how many there are, and cuts off those that stall.

One rule holds for everything a peer may do slowly, handshake and body alike: a connection has a
deadline, bytes move it, and whoever lets it pass is shut down from outside.
"""

import selectors
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

import structlog

HEAD_SECONDS: Final = 10.0
"""For the handshake and the head of a request, and between two requests."""
SILENCE_SECONDS: Final = 30.0
"""What a connection that moves bytes has at most before it is cut off."""
SLOWEST_BYTES_PER_SECOND: Final = 32 * 1024
MOST_CONNECTIONS: Final = 64
_POLL_SECONDS: Final = 0.1

_LOG = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Connection:
    """One connection and its deadline."""

    socket: socket.socket
    peer: str
    deadline: float = field(default_factory=lambda: monotonic() + HEAD_SECONDS)

    def allow(self, seconds: float) -> None:
        """Sets the deadline anew."""
        self.deadline = monotonic() + seconds

    def earn(self, size_bytes: int) -> None:
        """Moves the deadline by what these bytes may take at the slowest."""
        earned = self.deadline + size_bytes / SLOWEST_BYTES_PER_SECOND
        self.deadline = min(earned, monotonic() + SILENCE_SECONDS)

    def cut(self) -> None:
        """Shuts the connection down; a thread that waits for it returns with an error."""
        # Not the method of a TLS socket, which drops the encryption under the thread that uses it.
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


class Server:
    """Threads for connections: one that accepts, one for each connection.

    Args:
        listener: bound and listening.
        context: for TLS; None for none.
        serve: handles one connection until its end.
        most_connections: more than these wait in the kernel's queue.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext | None,
        serve: Callable[[Connection], None],
        *,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._listener = listener
        self._context = context
        self._serve = serve
        self._most = most_connections
        self._open: dict[Connection, Thread] = {}
        self._lock = Lock()
        self._freed = Event()
        self._is_stopping = False
        self._thread = Thread(target=self._run, name="depot", daemon=True)

    def start(self) -> None:
        """Begins to accept."""
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Accepts no more and ends every connection, waiting at most so long."""
        end = monotonic() + deadline_seconds
        self._is_stopping = True
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)
        self._listener.close()
        with self._lock:
            left = dict(self._open)
        for connection, thread in left.items():
            connection.cut()
            thread.join(max(0.0, end - monotonic()))

    def _run(self) -> None:
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._is_stopping:
                is_asked = bool(selector.select(_POLL_SECONDS))
                self._cut_late()
                if is_asked and len(self._open) < self._most:
                    self._accept()
                elif is_asked:
                    self._freed.wait(_POLL_SECONDS)
                    self._freed.clear()

    def _cut_late(self) -> None:
        now = monotonic()
        with self._lock:
            late = [connection for connection in self._open if connection.deadline < now]
        for connection in late:
            connection.allow(SILENCE_SECONDS)
            _LOG.warning("depot_connection_cut", peer=connection.peer)
            connection.cut()

    def _accept(self) -> None:
        try:
            accepted, address = self._listener.accept()
        except OSError:  # the peer went away meanwhile, or descriptors are short for a moment
            self._freed.wait(_POLL_SECONDS)
            return
        accepted.setblocking(True)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(accepted, str(address[0]))
        thread = Thread(target=self._handle, args=(connection,), name="depot-peer", daemon=True)
        with self._lock:
            self._open[connection] = thread
        try:
            thread.start()
        except RuntimeError:  # threads are short for a moment; the peer comes again
            with self._lock:
                del self._open[connection]
            accepted.close()

    def _handle(self, connection: Connection) -> None:
        try:
            if self._shake_hands(connection):
                self._serve(connection)
        except OSError:  # the peer went away, or was cut off
            pass
        finally:
            with self._lock:
                del self._open[connection]
            connection.socket.close()
            self._freed.set()

    def _shake_hands(self, connection: Connection) -> bool:
        """Whether the peer may speak; a refused one is told about in the log."""
        if self._context is None:
            return True
        # The socket changes hands: the wrapper takes the descriptor of the plain one.
        connection.socket = encrypted = self._context.wrap_socket(
            connection.socket, server_side=True, do_handshake_on_connect=False
        )
        try:
            encrypted.do_handshake()
        except ssl.SSLEOFError:  # it went away
            return False
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            _LOG.warning("depot_peer_refused", peer=connection.peer, reason=reason)
            return False
        return True
