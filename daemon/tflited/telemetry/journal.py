"""Writes log records to systemd's journal with a field for every key; else as lines to a stream.

The protocol is systemd's native one (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram of fields, or
a sealed memory file where the kernel takes no datagram so large.
"""

import array
import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Mapping
from typing import IO, Any, Final

from tflited.telemetry.escape import escaped

ADDRESS: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "tflited"
PREFIX: Final = "TFLITED_"
LONGEST_NAME: Final = 64
"""Of a field; the journal drops others."""
_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""As syslog(3) counts them."""
_LONGEST_FACT: Final = 1000
"""In the message: its field has all of it."""
_BUFFER_BYTES: Final = 8 * 2**20
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
_TOO_LARGE: Final = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_OWN_FIELDS: Final = frozenset({"timestamp"})
"""What the journal notes by itself."""
_TRACES: Final = ("exception", "stack")
"""Keys whose values have lines of their own."""


def is_connected(stream: IO[str]) -> bool:
    """Whether what is written to a stream goes to the journal (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class JournalHandler(logging.StreamHandler[IO[str]]):
    """Sends each record as a journal entry; writes its line to the stream where nobody takes it.

    Its formatter must give one JSON object a record.

    Args:
        stream: gets the lines while the journal is gone.
        address: path of the journal's socket.
    """

    def __init__(self, stream: IO[str], address: str = ADDRESS) -> None:
        super().__init__(stream)
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one record."""
        try:
            self._send(encoded(json.loads(self.format(record))))
        except (OSError, ValueError):
            super().emit(record)

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()
        super().close()

    def _send(self, entry: bytes) -> None:
        # To an address each time: the journal may be started anew, and its socket be another.
        try:
            self._socket.sendto(entry, self._address)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_file(entry)

    def _send_file(self, entry: bytes) -> None:
        flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        with os.fdopen(os.memfd_create("journal-entry", flags), "wb", buffering=0) as file:
            file.write(entry)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))
            self._socket.sendmsg([], [rights], 0, self._address)


def encoded(event: Mapping[str, Any]) -> bytes:
    """A log event in the journal's form.

    Args:
        event: with ``event`` and ``level``; every key becomes a field ``TFLITED_KEY``.
    """
    told = {
        "MESSAGE": message(event),
        "PRIORITY": str(_PRIORITIES.get(str(event.get("level")), 6)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        **{
            _name(key): _text(value, keep="\n" if key in _TRACES else "")
            for key, value in event.items()
            if key not in _OWN_FIELDS
        },
    }
    return b"".join(_field(name, value) for name, value in told.items())


def message(event: Mapping[str, Any]) -> str:
    """An event as a person reads it: its name, its facts, and a traceback below."""
    hidden = {"event", "level", "logger", *_OWN_FIELDS, *_TRACES}
    facts = [
        f"{key}={_quoted(_text(value))}"
        for key, value in event.items()
        if key not in hidden and value not in ("", None)
    ]
    lines = [" ".join([_text(event.get("event", "")), *facts])]
    lines += [_text(event[key], keep="\n") for key in _TRACES if event.get(key)]
    return "\n".join(lines)


def _text(value: Any, keep: str = "") -> str:
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escaped(plain, keep)


def _quoted(text: str) -> str:
    if len(text) > _LONGEST_FACT:
        text = f"{text[:_LONGEST_FACT]}…"
    return f'"{text}"' if " " in text else text


def _name(key: str) -> str:
    safe = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in key.upper())
    return f"{PREFIX}{safe}"[:LONGEST_NAME]


def _field(name: str, value: str) -> bytes:
    """``NAME=VALUE``, or with a length where the value has lines."""
    content = value.encode()
    if b"\n" not in content:
        return b"%s=%s\n" % (name.encode(), content)
    return b"%s\n%s%s\n" % (name.encode(), len(content).to_bytes(8, "little"), content)
