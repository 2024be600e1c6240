"""Entries of the journal, read from a real datagram socket by the protocol's own rules."""

import array
import io
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tflited.telemetry.journal import JournalHandler, encoded, is_connected, message


def parsed(entry: bytes) -> dict[str, str]:
    """The fields of one entry (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
    fields = dict[str, str]()
    while entry:
        line, _, entry = entry.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(entry[:8], "little")
            value, entry = entry[8 : 8 + size], entry[8 + size :]
            assert entry[:1] == b"\n"
            entry = entry[1:]
        assert name.decode() not in fields
        fields[name.decode()] = value.decode()
    return fields


class Journal:
    """A socket such as journald's.

    Args:
        path: where it is bound.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bind()

    def bind(self) -> None:
        """Begins to listen."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(10)

    def entry(self) -> tuple[dict[str, str], bool]:
        """The next entry, and whether it came in a file."""
        size = socket.CMSG_SPACE(array.array("i", [0]).itemsize)
        content, rights, _, _ = self.socket.recvmsg(2**20, size)
        if not rights:
            return parsed(content), False
        assert not content
        (number,) = array.array("i", rights[0][2])
        with os.fdopen(number, "rb") as file:
            with pytest.raises(PermissionError):  # sealed: nobody changes what is being read
                os.pwrite(number, b"x", 0)
            file.seek(0)
            return parsed(file.read()), True

    def close(self) -> None:
        """Is gone."""
        self.socket.close()
        self.path.unlink(missing_ok=True)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal that listens."""
    bound = Journal(tmp_path / "socket")
    yield bound
    bound.close()


class AsJson(logging.Formatter):
    """The facts of a record as one JSON object, as the daemon's own formatter gives them."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return json.dumps(record.msg)


@pytest.fixture
def spare() -> io.StringIO:
    """Where lines go that no journal takes."""
    return io.StringIO()


@pytest.fixture
def handler(journal: Journal, spare: io.StringIO) -> Iterator[JournalHandler]:
    """A handler that writes to the journal."""
    made = JournalHandler(spare, str(journal.path))
    made.setFormatter(AsJson())
    yield made
    made.close()


def emit(handler: JournalHandler, event: Mapping[str, object]) -> None:
    handler.emit(logging.LogRecord("tflited", logging.INFO, "", 0, event, None, None))


EVENT = {
    "event": "attempt_failed",
    "level": "warning",
    "logger": "tflited.engine.journal",
    "timestamp": "2026-01-01T00:00:00Z",
    "job_id": 7,
    "model": "zoo/digits",
    "policy": "mobile",
    "hint": "",
    "roots": {"a": "b"},
}


def test_every_key_is_a_field(handler: JournalHandler, journal: Journal) -> None:
    """Numbers are digits, what is nested is JSON; the journal has its own time."""
    emit(handler, EVENT)

    assert journal.entry() == (
        {
            "MESSAGE": 'attempt_failed job_id=7 model=zoo/digits policy=mobile roots="{"a": "b"}"',
            "PRIORITY": "4",
            "SYSLOG_IDENTIFIER": "tflited",
            "TFLITED_EVENT": "attempt_failed",
            "TFLITED_LEVEL": "warning",
            "TFLITED_LOGGER": "tflited.engine.journal",
            "TFLITED_JOB_ID": "7",
            "TFLITED_MODEL": "zoo/digits",
            "TFLITED_POLICY": "mobile",
            "TFLITED_HINT": "",
            "TFLITED_ROOTS": '{"a": "b"}',
        },
        False,
    )


@pytest.mark.parametrize(
    ("level", "priority"),
    [("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3"), ("critical", "2")],
)
def test_a_level_is_a_priority(level: str, priority: str) -> None:
    """``journalctl -p warning`` shows what the daemon calls a warning."""
    assert parsed(encoded({"event": "e", "level": level}))["PRIORITY"] == priority


def test_a_traceback_keeps_its_lines(handler: JournalHandler, journal: Journal) -> None:
    """In its field, and below the message; a name's line break is no line."""
    trace = "Traceback:\n  line\nValueError: a"
    emit(handler, {"event": "engine_fault", "level": "error", "exception": trace, "model": "a\nb"})

    fields, _ = journal.entry()
    assert fields["TFLITED_EXCEPTION"] == trace
    assert fields["MESSAGE"] == rf"engine_fault model=a\nb{chr(10)}{trace}"


def test_hostile_names_forge_no_field() -> None:
    """Line breaks, control characters and stray bytes are escaped, in values and in keys."""
    name = "net\nPRIORITY=0\nMESSAGE=forged\x1b[2J\udce9\u202e"
    fields = parsed(encoded({"event": "e", "level": "info", "model": name, "a\n=b": 1}))

    assert fields["TFLITED_MODEL"] == r"net\nPRIORITY=0\nMESSAGE=forged\x1b[2J\udce9\u202e"
    assert fields["PRIORITY"] == "6"
    assert fields["TFLITED_A__B"] == "1"


def test_a_long_key_is_a_field_the_journal_takes() -> None:
    """Names above 64 characters would be dropped in silence."""
    fields = parsed(encoded({"event": "e", "level": "info", "k" * 100: 1}))
    assert all(len(name) <= 64 for name in fields)


def test_a_large_value_travels_in_a_sealed_file(handler: JournalHandler, journal: Journal) -> None:
    """What no datagram holds arrives whole; the message has its beginning."""
    large = "x" * 20_000_000
    emit(handler, {"event": "zygote_said", "level": "info", "text": large})

    fields, is_file = journal.entry()
    assert is_file
    assert fields["TFLITED_TEXT"] == large
    assert len(fields["MESSAGE"]) < 2000


def test_without_a_journal_lines_go_to_the_stream(
    handler: JournalHandler, journal: Journal, spare: io.StringIO
) -> None:
    """Nothing is lost while it is gone, and a new one gets what comes after."""
    journal.close()
    emit(handler, EVENT)
    journal.bind()
    emit(handler, {"event": "later", "level": "info"})

    assert json.loads(spare.getvalue()) == EVENT
    assert journal.entry()[0]["TFLITED_EVENT"] == "later"


def test_the_message_reads_well() -> None:
    """The event first; what is empty is left out, what has spaces is quoted."""
    event = {"event": "job_waits", "level": "info", "job_id": 1, "reason": "it settles", "hint": ""}
    assert message(event) == 'job_waits job_id=1 reason="it settles"'


def test_a_stream_is_the_journals_where_systemd_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Device and inode must match: the variable is inherited by programs that write elsewhere."""
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + 1}")
        assert not is_connected(stream)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert is_connected(stream)
    assert not is_connected(stream)
    assert not is_connected(io.StringIO())


SCRIPT = """
import sys, structlog
from tflited.telemetry import journal, logs
logs.configure(format=sys.argv[1], level="info")
handler = __import__("logging").getLogger().handlers[0]
print(type(handler).__name__)
"""


@pytest.mark.parametrize(
    ("format_name", "is_journal", "expected"),
    [
        ("auto", True, "JournalHandler"),
        ("auto", False, "StreamHandler"),
        ("json", True, "StreamHandler"),
        ("journal", False, "JournalHandler"),
    ],
)
def test_automatic_is_the_journals_form_under_systemd(
    tmp_path: Path, format_name: str, is_journal: bool, expected: str
) -> None:
    """Only where standard output is the journal's, and where nothing else was asked for."""
    with (tmp_path / "out").open("w+") as out:
        status = os.fstat(out.fileno())
        stream = f"{status.st_dev}:{status.st_ino}" if is_journal else "0:0"
        subprocess.run(
            [sys.executable, "-c", SCRIPT, format_name],
            stdout=out,
            env={**os.environ, "JOURNAL_STREAM": stream},
            check=True,
        )
        out.seek(0)
        assert out.read().strip() == expected
