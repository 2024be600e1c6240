"""Messages to systemd over its notification socket, and the sockets it hands over at start.

The protocols are sd_notify(3), newline-separated assignments in one datagram, and
sd_listen_fds(3). Without systemd nothing is sent and nothing is found.
"""

import os
import socket
import time
from dataclasses import dataclass
from typing import Final, Self

import structlog

MICROSECONDS: Final = 1_000_000
_FIRST_FD: Final = 3

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """The service's voice towards its service manager.

    Attributes:
        address: the socket's path, a leading ``@`` for an abstract one; empty for nobody.
        watchdog_seconds: the longest silence systemd allows between calls of ``watchdog``; None
            where it does not watch this process.
    """

    address: str = ""
    watchdog_seconds: float | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Reads ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``."""
        address = os.environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            address = ""
        return cls(address=address, watchdog_seconds=_watchdog_seconds() if address else None)

    def ready(self, status: str) -> None:
        """Tells that the start, or a reload, is done."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def reloading(self) -> None:
        """Tells that a reload begins; ``ready`` ends it."""
        # systemd compares it with its own CLOCK_MONOTONIC, which is what Python's monotonic is.
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """Tells that the daemon drains and will end by itself."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def status(self, text: str) -> None:
        """Sets the line that ``systemctl status`` shows."""
        self._send(f"STATUS={_one_line(text)}")

    def watchdog(self) -> None:
        """Tells that the engine's loop advances."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> None:
        """Asks for so many seconds from now before the start or stop times out."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * MICROSECONDS)}")

    def _send(self, message: str) -> None:
        """Sends one datagram; a lost message is logged, for it must not end the daemon."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        flags = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        try:
            with socket.socket(socket.AF_UNIX, flags) as sender:
                # A full queue must not hold up the thread that feeds the watchdog for ever.
                sender.settimeout(1.0)
                sender.sendto(message.encode(), address)
        except OSError as error:
            _log.warning("notify_failed", address=self.address, reason=str(error))


def _watchdog_seconds() -> float | None:
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdecimal() or int(microseconds) == 0 or pid != str(os.getpid()):
        return None
    return int(microseconds) / MICROSECONDS


def inherited_sockets() -> tuple[socket.socket, ...]:
    """Takes over the listening sockets that the service manager opened, as sd_listen_fds(3).

    Side effects: the descriptors become close-on-exec and ``LISTEN_*`` leave the environment, so
    that no child takes the sockets for its own and a second call gives none.
    """
    pid, count = os.environ.get("LISTEN_PID", ""), os.environ.get("LISTEN_FDS", "")
    if pid != str(os.getpid()) or not count.isdecimal():
        return ()
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    sockets = tuple(socket.socket(fileno=_FIRST_FD + number) for number in range(int(count)))
    for each in sockets:
        each.set_inheritable(False)
    return sockets


def _one_line(text: str) -> str:
    return " ".join(text.split())
