"""A line between a worker and the daemon that breaks, holds or lies on request."""

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
            connections: how many there were.
    """

    target: int
    cuts: list[int] = field(default_factory=list)
    damaged: set[int] = field(default_factory=set)
    hold_after: int = -1
    connections: int = 0
    passed: int = 0
    slow_target: bool = False
    port: int = 0
    _free: threading.Event = field(default_factory=threading.Event)
    _sockets: list[socket.socket] = field(default_factory=list)

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
                most = self.cuts.pop(0) if self.cuts else -1
                arguments = (near, far, most, number in self.damaged)
                threads.append(threading.Thread(target=self._join, args=arguments, daemon=True))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _join(self, near: socket.socket, far: socket.socket, most: int, is_damaged: bool) -> None:
        """One connection; closed at its end, which resets whoever still sends."""
        back = threading.Thread(target=self._bring, args=(far, near, most, is_damaged), daemon=True)
        back.start()
        self._take(near, far)
        back.join()
        near.close()
        far.close()

    def _hold(self, size_bytes: int) -> None:
        self.passed += size_bytes
        if 0 <= self.hold_after < self.passed:
            self._free.wait(120)

    def _take(self, near: socket.socket, far: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while chunk := near.recv(CHUNK_BYTES):
                if self.slow_target and passed > 16 * CHUNK_BYTES:
                    self._free.wait(120)
                far.sendall(chunk)
                passed += len(chunk)
        self._end(near, far)

    def _bring(self, far: socket.socket, near: socket.socket, most: int, is_damaged: bool) -> None:
        passed = 0
        with suppress(OSError):
            while passed != most and (chunk := far.recv(CHUNK_BYTES)):
                if is_damaged and len(chunk) > 1000:
                    chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
                    is_damaged = False
                kept = chunk if most < 0 else chunk[: most - passed]
                self._hold(len(kept))
                near.sendall(kept)
                passed += len(kept)
        self._end(near, far)

    def _end(self, near: socket.socket, far: socket.socket) -> None:
        shut(near)
        shut(far)
        self._free.set()


def shut(one: socket.socket) -> None:
    """Ends both directions."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
