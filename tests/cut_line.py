"""A line between a worker and the daemon that breaks, stalls or lies on request."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 1 << 16


@dataclass
class CutLine:
    """A proxy on the loopback address.

    Attributes:
        target: port that it leads to.
        cuts: bytes from the target after which each connection in turn is cut; the rest hold.
        damaged: numbers of connections of which a byte on the way back is changed.
        is_stalled: whether nothing is passed on.
        connections: how many there were.
    """

    target: int
    cuts: list[int] = field(default_factory=list)
    damaged: set[int] = field(default_factory=set)
    is_stalled: bool = False
    hold_after: int = -1
    connections: int = 0
    passed: int = 0
    slow_target: bool = False
    port: int = 0
    _free: threading.Event = field(default_factory=threading.Event)
    _sockets: list[socket.socket] = field(default_factory=list)
    _far: set[socket.socket] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where workers connect."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["CutLine"]:
        """Passes on until the block's end."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        thread = threading.Thread(target=self._run, args=(listener,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._free.set()
            shut(listener)
            for each in self._sockets:
                shut(each)
            thread.join()
            listener.close()

    def let_go(self) -> None:
        """Passes on again what was held."""
        self._free.set()

    def cut(self) -> None:
        """Cuts every connection."""
        for each in self._sockets:
            shut(each)

    def _run(self, listener: socket.socket) -> None:
        threads = []
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                number, self.connections = self.connections, self.connections + 1
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except ConnectionRefusedError:  # nobody is there any more
                    near.close()
                    continue
                self._sockets += [near, far]
                self._far.add(far)
                allowed = self.cuts.pop(0) if self.cuts else -1
                for one, other, most in ((near, far, -1), (far, near, allowed)):
                    is_damaged = number in self.damaged and one is far
                    arguments = (one, other, most, is_damaged)
                    threads.append(threading.Thread(target=self._pass, args=arguments, daemon=True))
                    threads[-1].start()
        for thread in threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def _hold(self, size_bytes: int) -> None:
        self.passed += size_bytes
        if 0 <= self.hold_after < self.passed:
            self._free.wait(120)

    def _pass(self, one: socket.socket, other: socket.socket, most: int, is_damaged: bool) -> None:
        passed = 0
        with suppress(OSError):
            while chunk := one.recv(CHUNK_BYTES):
                if self.is_stalled:
                    continue
                if is_damaged and len(chunk) > 1000:
                    chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
                    is_damaged = False
                kept = chunk if most < 0 else chunk[: most - passed]
                if one in self._far:
                    self._hold(len(kept))
                elif self.slow_target and passed > 16 * CHUNK_BYTES:
                    self._free.wait(120)
                other.sendall(kept)
                passed += len(kept)
                if passed == most:
                    break
        shut(one)
        shut(other)


def shut(one: socket.socket) -> None:
    """Ends both directions."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
