"""The depot's requests: which attempt a token opens, and what each method and path does there.

=======  =========================  ==========================================================
method   path                       does
=======  =========================  ==========================================================
GET      ``/v1/blobs/SHA256``       sends a file that is offered; ``Range: bytes=N-`` resumes
PUT      ``/v1/result``             takes the announcement of what will be delivered
PUT      ``/v1/result/NUMBER``      takes one announced file
POST     ``/v1/result``             makes the delivery final
=======  =========================  ==========================================================
"""

import os
import re
import ssl
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Final

import structlog

from tflited.domain.model import Digest
from tflited.errors import TransferRefusedError
from tflited.workers.transfer.holding import CHUNK_BYTES, Holding, RefusalError
from tflited.workers.transfer.offer import Announcement
from tflited.workers.transfer.server import HEAD_SECONDS, SILENCE_SECONDS, Connection

_BLOB: Final = re.compile(r"/v1/blobs/([0-9a-f]{64})")
_RESULT: Final = "/v1/result"
_FILE: Final = re.compile(r"/v1/result/([0-9]{1,6})")
_FROM: Final = re.compile(r"bytes=([0-9]{1,16})-")
_BEARER: Final = re.compile(r"Bearer ([A-Za-z0-9_-]{1,100})")
_SENDFILE_BYTES: Final = 1 << 22
MOST_ANNOUNCED_BYTES: Final = 4 * 2**20
"""10,000 files with paths of 300 bytes; reading them takes some twenty times as much memory."""
_DRAINED_BYTES: Final = 1 << 20
"""Of a refused body that is read so that its sender sees the answer; more is cut off."""

_LOG = structlog.get_logger()

Find = Callable[[str], Holding]
"""The attempt that a token opens; raises RefusalError where there is none."""


class Request(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other.

    Args:
        connection: encrypted already where it is to be.
        find: gives the attempt of a token.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = False  # set when the connection was accepted

    def __init__(self, connection: Connection, find: Find) -> None:
        self._line = connection
        self._find = find
        self._unread = 0
        super().__init__(connection.socket, (connection.peer, 0), None)  # type: ignore[arg-type]  # no server of that module

    def parse_request(self) -> bool:
        """Reads the head; from then on bytes move the deadline."""
        is_sound = super().parse_request()
        self._line.allow(SILENCE_SECONDS)
        return is_sound

    def do_GET(self) -> None:
        """Sends a file."""
        self._answer(self._send_blob)

    def do_PUT(self) -> None:
        """Takes an announcement or a file."""
        self._answer(self._take_announcement if self.path == _RESULT else self._take_file)

    def do_POST(self) -> None:
        """Ends a delivery."""
        self._answer(self._finish)

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002 - repeats what was sent
        explain: str | None = None,  # noqa: ARG002 - of the module above
    ) -> None:
        """Answers what is no request of this protocol."""
        self.close_connection = True
        self._reply(HTTPStatus(code), "no request of this protocol")

    def version_string(self) -> str:
        """The header ``Server``, without the versions that the standard library tells."""
        return "tflited"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Says nothing; refusals are told below."""

    def _answer(self, act: Callable[[Holding], None]) -> None:
        attempt = ""
        try:
            self._unread = self._length()
            holding = self._find(self._token())
            attempt = holding.attempt
            with holding.used(self._line):
                act(holding)
        except RefusalError as refusal:
            _LOG.warning(
                "depot_request_refused",
                attempt=attempt,
                peer=self._line.peer,
                status=refusal.status.value,
                reason=refusal.reason,
            )
            self._drain()
            self._reply(refusal.status, refusal.reason)
        self._line.allow(HEAD_SECONDS)

    def _token(self) -> str:
        found = _BEARER.fullmatch(self.headers.get("Authorization", ""))
        return found[1] if found else ""

    def _length(self) -> int:
        """The size of the body.

        Raises:
            RefusalError: it is not told; how to read on is then unknown.
        """
        if self.command == "GET" and "Content-Length" not in self.headers:
            return 0
        told = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,16}", told):
            self.close_connection = True
            raise RefusalError(HTTPStatus.LENGTH_REQUIRED, "observed no length, allowed one")
        return int(told)

    def _send_blob(self, holding: Holding) -> None:
        found = _BLOB.fullmatch(self.path)
        if found is None or self._unread:
            raise RefusalError(HTTPStatus.NOT_FOUND, "observed an unknown path or a body")
        descriptor, size = holding.open(Digest(found[1]))
        try:
            told = _FROM.fullmatch(self.headers.get("Range", ""))
            begin = int(told[1]) if told else 0
            if told and begin >= size:
                raise RefusalError(
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                    f"observed a start at {begin}, allowed 0 to {size - 1}",
                )
            self.send_response(HTTPStatus.PARTIAL_CONTENT if told else HTTPStatus.OK)
            if told:
                self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(size - begin))
            self.end_headers()
            self._send(descriptor, begin, size)
        finally:
            os.close(descriptor)

    def _send(self, descriptor: int, begin: int, end: int) -> None:
        """Sends a part of a file; the kernel copies it where nothing is to be encrypted.

        Raises:
            ConnectionError: the file ends early; the peer must not take the rest for its content.
        """
        send = self._send_encrypted if isinstance(self.connection, ssl.SSLSocket) else self._pass_on
        while begin < end:
            sent = send(descriptor, begin, end - begin)
            if not sent:
                raise ConnectionAbortedError
            begin += sent
            self._line.earn(sent)

    def _pass_on(self, descriptor: int, begin: int, left: int) -> int:
        return os.sendfile(self.connection.fileno(), descriptor, begin, min(left, _SENDFILE_BYTES))

    def _send_encrypted(self, descriptor: int, begin: int, left: int) -> int:
        chunk = os.pread(descriptor, min(left, CHUNK_BYTES), begin)
        self.connection.sendall(chunk)
        return len(chunk)

    def _take_announcement(self, holding: Holding) -> None:
        if self._unread > MOST_ANNOUNCED_BYTES:
            raise RefusalError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"observed a list of {self._unread} bytes, allowed {MOST_ANNOUNCED_BYTES}",
            )
        content = b"".join(bytes(chunk) for chunk in self._chunks())
        try:
            announcement = Announcement.from_json(content)
        except TransferRefusedError as error:
            raise RefusalError(HTTPStatus.BAD_REQUEST, error.message) from error
        holding.announce(announcement)
        self._reply(HTTPStatus.NO_CONTENT)

    def _take_file(self, holding: Holding) -> None:
        found = _FILE.fullmatch(self.path)
        if found is None:
            raise RefusalError(HTTPStatus.NOT_FOUND, "observed an unknown path")
        number = int(found[1])
        with holding.writing(number, self._line) as entry:
            if self._unread != entry.size_bytes:
                raise RefusalError(
                    HTTPStatus.BAD_REQUEST,
                    f"observed {self._unread} bytes, allowed {entry.size_bytes} as announced",
                )
            holding.receive(number, entry, self._chunks())
        self._reply(HTTPStatus.NO_CONTENT)

    def _finish(self, holding: Holding) -> None:
        if self.path != _RESULT or self._unread:
            raise RefusalError(HTTPStatus.NOT_FOUND, "observed an unknown path or a body")
        holding.finish()
        self._reply(HTTPStatus.NO_CONTENT)

    def _chunks(self) -> Iterator[memoryview]:
        """The body, piece by piece; each is good until the next one.

        Raises:
            ConnectionError: it ended early.
        """
        buffer = memoryview(bytearray(min(self._unread, CHUNK_BYTES)))
        while self._unread:
            count = self.rfile.readinto(buffer[: min(self._unread, CHUNK_BYTES)])
            if not count:
                raise ConnectionAbortedError
            self._unread -= count
            self._line.earn(count)
            yield buffer[:count]

    def _drain(self) -> None:
        """Reads what is left of a body, as far as it is short; else ends the connection."""
        if self._unread > _DRAINED_BYTES:
            self.close_connection = True
        for _ in self._chunks() if not self.close_connection else ():
            pass

    def _reply(self, status: HTTPStatus, reason: str = "") -> None:
        body = reason.encode("utf-8", "replace")
        self.send_response(status)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
