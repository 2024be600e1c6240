"""The bytes between daemon and child: messages as JSON, split into datagrams and put together.

What comes from a child is hostile until it is validated here; it becomes a dataclass or a
``WireError``, never anything else.
"""

import json
import socket
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import FORBID_EXTRA
from tflited.domain.job import Failure
from tflited.domain.report import BuildReport, Stage
from tflited.domain.sandbox import SandboxLevel
from tflited.errors import (
    SourceChangedError,
    StorageFailedError,
    StoragePausedError,
    WorkerError,
)

MAX_DATAGRAM_BYTES: Final = 32 * 1024
MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
MAX_TEXT_CHARACTERS: Final = 4000
"""Of a failure's message or hint, or a stage's detail; operators' names make messages long."""
DAEMON_CODES: Final = frozenset(
    {SourceChangedError.code, StorageFailedError.code, StoragePausedError.code}
)
"""Codes on which the daemon itself acts, by dropping a job, stopping or pausing; no child may say
them."""
_MORE: Final = b"+"
_LAST: Final = b"."


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class WireError(ValueError):
    """A child's bytes are no message of this protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressMessage:
    """A stage begins."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    stage: Stage
    detail: str
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMessage:
    """The work is done; the last message of a child."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    report: BuildReport
    kind: Literal["report"] = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMessage:
    """The work failed with a reason; the last message of a child."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    code: Code
    message: str
    hint: str
    is_retryable: bool
    kind: Literal["failure"] = "failure"

    @property
    def failure(self) -> Failure:
        """The domain's form, as far as a child is believed.

        A child's storage error concerns its scratch, so it is the worker's, and may be tried again.
        """
        is_daemons = self.code in DAEMON_CODES
        return Failure(
            code=WorkerError.code if is_daemons else self.code,
            message=printable(self.message),
            hint=printable(self.hint),
            is_retryable=is_daemons or self.is_retryable,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitMessage:
    """The zygote's word on a child that ended.

    Attributes:
        status: exit status, or the negative number of the signal that ended it.
        peak_rss_bytes: greatest resident memory.
    """

    status: int
    peak_rss_bytes: int
    kind: Literal["exit"] = "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthMessage:
    """The zygote's word on a child that it forked."""

    pid: int
    kind: Literal["birth"] = "birth"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfinedMessage:
    """Every demanded layer holds; sent once, before the entry runs."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    level: SandboxLevel
    kind: Literal["confined"] = "confined"


StatusMessage = BirthMessage | ExitMessage
Message = ConfinedMessage | ProgressMessage | ReportMessage | FailureMessage

_MESSAGE: Final[TypeAdapter[Message]] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])
_STATUS: Final[TypeAdapter[StatusMessage]] = TypeAdapter(
    Annotated[StatusMessage, Field(discriminator="kind")]
)
_REQUEST: Final = TypeAdapter(AttemptRequest)


def printable(text: str) -> str:
    """A child's text without control characters, which a terminal would obey, and bounded."""
    kept = printable_lines(text[:MAX_TEXT_CHARACTERS])
    return kept if len(text) <= MAX_TEXT_CHARACTERS else f"{kept} …"


def printable_lines(text: str) -> str:
    """A text of a child's with its lines and tabs, and no other control character."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def encode_request(request: AttemptRequest) -> bytes:
    """The request as JSON; file names that are no UTF-8 travel as escaped lone surrogates."""
    return json.dumps(_REQUEST.dump_python(request, mode="json")).encode("ascii")


def decode_request(content: bytes) -> AttemptRequest:
    """The request from its JSON.

    Raises:
        ValidationError: the bytes are no request; the daemon wrote them, so this is a fault.
    """
    # Pydantic's own parser refuses the lone surrogates of such names.
    return _REQUEST.validate_python(json.loads(content))


def encode_message(message: Message) -> bytes:
    """A child's message as JSON; what is no UTF-8 becomes a question mark.

    Raises:
        ValueError: a number is infinite or not a number: there is no such JSON, and a null instead
            would claim an exact match.
    """
    plain = _MESSAGE.dump_python(message, mode="json")
    return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def decode_message(content: bytes) -> Message:
    """A child's message from its JSON, every text in it bounded and without control characters.

    Raises:
        WireError: not JSON, an infinite number, or not one of the messages.
    """
    try:
        plain = cleaned(from_json(content, allow_inf_nan=False))
        return _MESSAGE.validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WireError(f"{place or 'message'}: {first['msg']}") from error
    except ValueError as error:
        raise WireError(f"not JSON: {error}") from error


def cleaned(value: Any) -> Any:
    """A JSON value whose texts may stand in logs, records and pages: names of keys, too."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {printable(key): cleaned(inner) for key, inner in value.items()}
        case list():
            return [cleaned(inner) for inner in value]
        case _:
            return value


def encode_status(message: StatusMessage) -> bytes:
    """The zygote's message about a child as JSON."""
    return _STATUS.dump_json(message)


def decode_status(content: bytes) -> StatusMessage:
    """The zygote's message about a child from its JSON.

    Raises:
        WireError: not such a message.
    """
    try:
        return _STATUS.validate_json(content)
    except ValidationError as error:
        raise WireError(f"not a status message: {error.error_count()} errors") from error


def send(channel: socket.socket, content: bytes) -> None:
    """Sends one message as datagrams over a blocking SOCK_SEQPACKET socket.

    Raises:
        OSError: the other side is gone.
    """
    size = MAX_DATAGRAM_BYTES - 1
    for start in range(0, max(1, len(content)), size):
        mark = _LAST if start + size >= len(content) else _MORE
        channel.send(mark + content[start : start + size])


@dataclass(slots=True, kw_only=True)
class Assembler:
    """Puts a child's datagrams together."""

    _parts: bytearray = field(default_factory=bytearray)

    def feed(self, datagram: bytes) -> Message | None:
        """Takes one datagram.

        Returns:
            The message that it completes, None where more is to come.

        Raises:
            WireError: the datagram or its message is malformed or too big.
        """
        mark, part = datagram[:1], datagram[1:]
        if mark not in {_MORE, _LAST} or len(datagram) > MAX_DATAGRAM_BYTES:
            raise WireError(f"a datagram of {len(datagram)} bytes begins with {mark!r}")
        if len(self._parts) + len(part) > MAX_MESSAGE_BYTES:
            raise WireError(f"a message is longer than {MAX_MESSAGE_BYTES} bytes")
        self._parts += part
        if mark == _MORE:
            return None
        content = bytes(self._parts)
        self._parts.clear()
        return decode_message(content)
