"""Talks to a running daemon over its unix socket."""

import http.client
import json
import socket
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

    def _request(self, method: str, path: str, body: bytes) -> Any:
        connection = _UnixConnection(self._path)
        headers = {"Content-Type": "application/json", "X-Tflited-Source": "cli"}
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise DaemonUnreachableError(
                f"No daemon answers on {self._path}: {error}.",
                hint="start one with tflited serve, or name its --config or --directory",
            ) from error
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
