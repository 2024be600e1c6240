"""Talks to a running daemon over its unix socket."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tflited.errors import DaemonUnreachableError, OverCapacityError, TflitedError, UsageError

_TIMEOUT_SECONDS = 60.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_SECONDS)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


class Client:
    """One daemon's API.

    Args:
        path: its unix socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: _UnixConnection | None = None

    def get(self, path: str, /, **query: str | int) -> Any:
        """Reads a resource.

        Raises:
            DaemonUnreachableError: nothing answers on the socket.
            TflitedError: the daemon refused.
        """
        # A path is bytes; what is no UTF-8 in it travels percent-encoded as it is on disk.
        asked = urlencode(query, errors="surrogateescape")
        return self._request("GET", f"{path}?{asked}" if query else path, b"")

    def post(self, path: str, body: bytes = b"") -> Any:
        """Asks for a change; raises as ``get`` does."""
        return self._request("POST", path, body)

    def events(self, after: int | None = None) -> Iterator[dict[str, Any] | None]:
        """Follows what happens to jobs, until the daemon or ``hang_up`` ends it.

        Args:
            after: the id of the last event that is known; None for what is new from now on.

        Yields:
            None at once and whenever the daemon says that it is there, and each event.

        Raises:
            DaemonUnreachableError: nothing answers on the socket, or not any more.
            TflitedError: the daemon refused.
        """
        with closing(_UnixConnection(self._path)) as connection:
            self._stream = connection
            try:
                headers = {} if after is None else {"Last-Event-ID": str(after)}
                connection.request("GET", "/api/v1/events", headers=headers)
                answer = connection.getresponse()
                if answer.status != http.client.OK:
                    _parsed(answer.status, answer.read())
                for line in answer:
                    if line.startswith((b":", b"data: ")):
                        # What has no id is no event of a job: only a sign that something changed.
                        event = json.loads(line.partition(b" ")[2]) if line[:1] == b"d" else {}
                        yield event if "id" in event else None
            except (OSError, http.client.HTTPException, ValueError) as error:  # or cut in a line
                raise self._unreachable(error) from error

    def hang_up(self) -> None:
        """Ends ``events`` of another thread; without one, nothing."""
        stream = self._stream
        if stream is not None and stream.sock is not None:
            with suppress(OSError):
                stream.sock.shutdown(socket.SHUT_RDWR)

    def _unreachable(self, error: Exception) -> DaemonUnreachableError:
        return DaemonUnreachableError(
            f"No daemon answers on {self._path}: {error}.",
            hint="start one with tflited serve, or name its --config or --directory",
        )

    def _request(self, method: str, path: str, body: bytes) -> Any:
        connection = _UnixConnection(self._path)
        headers = {"Content-Type": "application/json", "X-Tflited-Source": "cli"}
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        return _parsed(answer.status, content)


def _parsed(status: int, content: bytes) -> Any:
    try:
        document = json.loads(content)
    except ValueError:
        document = {"message": content.decode(errors="replace")[:500]}
    if status < http.client.BAD_REQUEST:
        return document
    message, hint = str(document.get("message", status)), str(document.get("hint", ""))
    if document.get("code") == OverCapacityError.code:
        raise OverCapacityError(message, hint=hint)
    refusals = {http.client.NOT_FOUND, http.client.CONFLICT, http.client.UNPROCESSABLE_ENTITY}
    kind = UsageError if status in refusals else TflitedError
    raise kind(message, hint=hint)
