"""Messages between daemon and child."""

import contextlib
import math
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.entries import REPORT
from fakes.samples import a_report, a_variant
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.domain.report import Stage
from tflited.workers import wire

REQUEST = AttemptRequest(
    attempt="7.2",
    kind=ModelKind.SAVED_MODEL,
    model="/models/ä",
    stem="ä",
    scratch="/scratch",
    policy=Policy(),
    calibration=("/data/1.npy",),
    provenance={"tflited": "1"},
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with first, second:
        yield first, second


def test_request_survives_the_way() -> None:
    """Every field of a request arrives as it was."""
    assert wire.decode_request(wire.encode_request(REQUEST)) == REQUEST


@pytest.mark.parametrize(
    "message",
    [
        wire.ProgressMessage(stage=Stage.LOAD, detail="x"),
        wire.ReportMessage(report=REPORT),
        wire.ReportMessage(report=a_report(a_variant())),
        wire.FailureMessage(code="c", message="m", hint="h", is_retryable=True),
    ],
)
def test_messages_survive_the_way(message: wire.Message) -> None:
    """Each kind of message arrives as it was."""
    assert wire.decode_message(wire.encode_message(message)) == message


def test_every_text_of_a_report_is_bounded_and_cleaned() -> None:
    """It ends in logs, records, pages and terminals; names of operators are texts, too."""
    odd = "\x1b[2J\u202e" + "m" * 100_000
    variant = replace(a_variant(), reason=odd, operators={odd: 1})
    report = replace(REPORT, variants=(variant,), source=replace(REPORT.source, notes=(odd,)))
    read = wire.decode_message(wire.encode_message(wire.ReportMessage(report=report)))
    assert isinstance(read, wire.ReportMessage)
    (got,) = read.report.variants
    for text in (got.reason, *got.operators, *read.report.source.notes):
        assert text.startswith("\ufffd[2J\ufffdmmm")
        assert len(text) <= wire.MAX_TEXT_CHARACTERS + 2


def test_message_is_split_and_put_together(pair: tuple[socket.socket, socket.socket]) -> None:
    """A message longer than a datagram arrives as one."""
    sender, receiver = pair
    notes = ("n" * 1024,) * (2 * wire.MAX_DATAGRAM_BYTES // 1024)
    message = wire.ReportMessage(report=replace(REPORT, source=replace(REPORT.source, notes=notes)))
    wire.send(sender, wire.encode_message(message))
    assembler = wire.Assembler()
    read = [assembler.feed(receiver.recv(wire.MAX_DATAGRAM_BYTES + 1)) for _ in range(3)]
    assert read == [None, None, message]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"kind":"other"}',
        b'{"kind":"progress","stage":"dance","detail":""}',
        b'{"kind":"report","report":{}}',
        b"[" * 100_000,
    ],
)
def test_malformed_content_is_a_wire_error(content: bytes) -> None:
    """Nothing but a message becomes one."""
    with pytest.raises(wire.WireError):
        wire.decode_message(content)


@pytest.mark.parametrize(
    "change",
    [
        (b'"is_retryable": true', b'"is_retryable": "yes"'),
        (b'"code": "c"', b'"code": "Not a name"'),
        (b'"code": "c"', b'"code": "c\\n"'),
        (b'"code": "c"', b'"code": "c", "more": 1'),
    ],
)
def test_nothing_is_coerced_or_ignored(change: tuple[bytes, bytes]) -> None:
    """A word for a flag, a code that is no name and an unknown key are refused."""
    message = wire.FailureMessage(code="c", message="m", hint="h", is_retryable=True)
    content = wire.encode_message(message)
    assert change[0] in content
    with pytest.raises(wire.WireError):
        wire.decode_message(content.replace(*change))


def test_message_with_a_number_that_is_none_cannot_be_written() -> None:
    """JSON has no NaN, and null would say that there is no difference."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        wire.encode_message(
            wire.ReportMessage(report=replace(REPORT, stage_seconds={"load": math.nan}))
        )


def test_names_outside_utf8_survive_the_way() -> None:
    """A request may name any file."""
    request = replace(REQUEST, model="/models/\udce9", stem="\udce9")
    assert wire.decode_request(wire.encode_request(request)) == request


def test_infinite_number_is_a_wire_error() -> None:
    """Numbers of a report are finite, so that report.json stays JSON."""
    report = replace(REPORT, stage_seconds={"load": 12345.5})
    content = wire.encode_message(wire.ReportMessage(report=report))
    for number in (math.inf, math.nan):
        name = b"NaN" if math.isnan(number) else b"Infinity"
        with pytest.raises(wire.WireError):
            wire.decode_message(content.replace(b"12345.5", name))


@pytest.mark.parametrize("datagram", [b"", b"x", b"." + b"x" * wire.MAX_DATAGRAM_BYTES])
def test_malformed_datagram_is_a_wire_error(datagram: bytes) -> None:
    """A datagram has a mark and an upper size."""
    with pytest.raises(wire.WireError):
        wire.Assembler().feed(datagram)


def test_endless_message_is_a_wire_error() -> None:
    """A child cannot fill the daemon's memory."""
    assembler = wire.Assembler()
    datagram = b"+" + b"x" * (wire.MAX_DATAGRAM_BYTES - 1)
    for _ in range(wire.MAX_MESSAGE_BYTES // (wire.MAX_DATAGRAM_BYTES - 1)):
        assert assembler.feed(datagram) is None
    with pytest.raises(wire.WireError, match="longer than"):
        assembler.feed(datagram)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_wire_error(datagram: bytes) -> None:
    """No bytes make the daemon raise anything else."""
    with contextlib.suppress(wire.WireError):
        wire.Assembler().feed(datagram)


def test_exit_message_survives_the_way() -> None:
    """The zygote's word arrives as it was."""
    message = wire.ExitMessage(status=-9, peak_rss_bytes=4096)
    assert wire.decode_status(wire.encode_status(message)) == message


def test_malformed_exit_message_is_a_wire_error() -> None:
    """Anything else is refused."""
    with pytest.raises(wire.WireError):
        wire.decode_status(b'{"kind":"exit"}')
