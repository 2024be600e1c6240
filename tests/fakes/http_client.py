"""A daemon's HTTP interface over the double of the engine, and a client for both its listeners."""

import http.client
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes.control import FakeControl
from tflited.domain.access import HttpRules
from tflited.web.api import create_app
from tflited.web.offers import Offers
from tflited.web.server import HttpServer


class UnixConnection(http.client.HTTPConnection):
    """http.client over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        """Connects."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Daemon:
    """A server with the double behind it."""

    control: FakeControl
    server: HttpServer
    path: Path

    def tcp(self, method: str, target: str, **headers: str) -> Answer:
        """Asks over TCP; underscores in header names stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        return ask(connection, method, target, None, headers)

    def unix(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """Asks over the unix socket."""
        return ask(UnixConnection(self.path), method, target, body, headers)


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | None,
    headers: dict[str, str],
) -> Answer:
    """Sends one request and closes the connection."""
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body=body, headers=named)
        response = connection.getresponse()
        content_type = response.getheader("content-type") or ""
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.read(), content_type, told)
    finally:
        connection.close()


def render(accept: str) -> tuple[bytes, str]:
    """Metrics that show the header they were asked with."""
    return f"seen {accept}".encode(), "text/plain; version=0.0.4"


def serve(
    control: FakeControl,
    path: Path,
    *,
    port: int = 0,
    rules: HttpRules | None = None,
    offers: Offers | None = None,
) -> HttpServer:
    """A server with the double behind it, not started."""
    app = create_app(control, render, version="1.2.3", rules=rules, offers=offers)
    server = HttpServer(app, host="127.0.0.1", port=port, socket=path, rules=rules)
    server.before_stop(app.state.streams.close)
    return server
