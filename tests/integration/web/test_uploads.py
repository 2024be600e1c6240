"""Uploads over a real listener: what lands, every refusal, and bodies that end in the middle."""

import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fakes.control import FakeControl
from fakes.http_client import Answer, Daemon, UnixConnection, ask, serve
from tflited.domain.access import UploadRules
from tflited.sources.uploads.desk import Uploads
from tflited.web import uploads
from tflited.web.offers import Offers
from tflited.web.server import HttpServer
from waiting import wait_until

BOUNDARY = "a-boundary"
MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "accept": "text/html"}


@dataclass
class Served:
    """A door that takes uploads into a folder."""

    daemon: Daemon
    root: Path

    def put(self, name: str, body: bytes, query: str = "") -> Answer:
        """Uploads as a program does."""
        connection = UnixConnection(self.daemon.path)
        return ask(connection, "PUT", f"/api/v1/uploads/{name}{query}", body, {})

    def send(
        self, *parts: tuple[str, str | None, bytes], end: str = "--\r\n", **more: str
    ) -> Answer:
        """Sends a form as a browser does: name, file name, content."""
        body = form(*parts, end=end)
        headers = {**MULTIPART, **{name.replace("_", "-"): text for name, text in more.items()}}
        return ask(UnixConnection(self.daemon.path), "POST", "/uploads", body, headers)

    def landed(self) -> dict[str, bytes]:
        """Every file below the root, hidden ones included."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }


def form(*parts: tuple[str, str | None, bytes], end: str = "--\r\n") -> bytes:
    """A body of parts."""
    body = b""
    for name, file, content in parts:
        told = f'form-data; name="{name}"' + (f'; filename="{file}"' if file is not None else "")
        body += f"--{BOUNDARY}\r\nContent-Disposition: {told}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}{end}".encode()


Open = Callable[..., Served]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    servers: list[HttpServer] = []

    def start(**rules: Any) -> Served:
        root = tmp_path / "models"
        root.mkdir(exist_ok=True)
        given = UploadRules(root="models", folder="in", **{"free_bytes": 0, **rules})
        control, path = FakeControl(), tmp_path / f"{len(servers)}.sock"
        server = serve(control, path, offers=Offers(uploads=Uploads(given, root)))
        server.start()
        servers.append(server)
        return Served(Daemon(control, server, path), root)

    yield start
    for server in servers:
        server.stop(5)


def test_a_program_puts_a_model(opened: Open) -> None:
    """The answer names it; again it is refused, and replaced where that is asked for."""
    served = opened()
    answer = served.put("net.keras", b"x" * 3_000_000)
    assert (answer.status, answer.json) == (201, {"model": "models/in/net.keras"})
    assert served.landed() == {"in/net.keras": b"x" * 3_000_000}

    assert served.put("net.keras", b"y").json["code"] == "upload_exists"
    assert served.put("net.keras", b"y", "?replace=true").status == 201
    assert served.landed() == {"in/net.keras": b"y"}


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("a%5Cb.keras", b"x", 422, "upload_name"),
        (".net.keras", b"x", 422, "upload_name"),
        ("net.txt", b"x", 422, "upload_content"),
        ("net.zip", b"x", 422, "upload_archive"),
        ("net.keras", b"x" * 3000, 413, "upload_too_large"),
    ],
)
def test_a_refusal_says_why_and_leaves_nothing(
    opened: Open, name: str, body: bytes, status: int, code: str
) -> None:
    """Observed against allowed, and not a trace on disk."""
    served = opened(largest_bytes=2000)
    answer = served.put(name, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert not served.landed()


def test_there_must_be_room(opened: Open) -> None:
    """What must stay free is told with what is free."""
    answer = opened(free_bytes=2**60).put("net.keras", b"x")
    assert (answer.status, answer.json["code"]) == (507, "no_room")


def test_a_person_sends_a_file_or_a_folder(opened: Open) -> None:
    """Fields for files in which none was chosen are nothing."""
    served = opened()
    answer = served.send(("files", "net.keras", b"x"), ("files", "", b""))
    assert (answer.status, answer.headers["location"]) == (
        303,
        "/uploads?landed=models%2Fin%2Fnet.keras",
    )
    folder = (("files", "net/saved_model.pb", b"g"), ("files", "net/variables/a", b"v"))
    assert served.send(*folder).status == 303
    again = served.send(*folder)
    assert (again.status, b"observed something there" in again.body) == (409, True)
    assert served.send(("replace", None, b"true"), *folder).status == 303
    assert served.landed() == {
        "in/net.keras": b"x",
        "in/net/saved_model.pb": b"g",
        "in/net/variables/a": b"v",
    }


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((), "no file"),
        ((("files", "", b""),), "no file"),
        ((("files", "../x.keras", b"x"),), "leads elsewhere"),
        ((("files", "<b>.txt", b"x"),), "&lt;b&gt;"),
        ((("form_token", None, b"x" * 9000),), "8 KiB"),
    ],
)
def test_a_refused_form_comes_back_with_the_reason(
    opened: Open, parts: tuple[tuple[str, str | None, bytes], ...], words: str
) -> None:
    """As a page, in which every name is text."""
    served = opened()
    answer = served.send(*parts)
    assert answer.status >= 400
    assert words in answer.body.decode()
    assert not served.landed()


def test_a_form_that_ends_in_the_middle_lands_nothing(opened: Open) -> None:
    """A body without its last boundary is not the whole form."""
    served = opened()
    answer = served.send(("files", "net.keras", b"x"), end="")
    assert (answer.status, b"end in the middle" in answer.body) == (422, True)
    assert not served.landed()


def test_over_tcp_a_form_needs_a_session(opened: Open) -> None:
    """Nothing of it is read into a file before that is clear."""
    served = opened()
    connection = http.client.HTTPConnection("127.0.0.1", served.daemon.server.port, timeout=10)
    body = form(("files", "net.keras", b"x"))
    assert ask(connection, "POST", "/uploads", body, MULTIPART).status == 401
    evil = {**MULTIPART, "origin": "http://evil.example"}
    assert ask(connection, "POST", "/uploads", body, evil).status == 403
    assert ask(connection, "PUT", "/api/v1/uploads/net.keras", b"x", {}).status == 401
    assert not served.root.joinpath("in").exists()


def raw(served: Served, head: bytes) -> socket.socket:
    """A connection on which a request was begun."""
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(20)
    opened.connect(str(served.daemon.path))
    opened.sendall(head)
    return opened


HEAD = (
    b"PUT /api/v1/uploads/net.keras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
)


def test_a_cut_connection_leaves_nothing(opened: Open) -> None:
    """What had come is gone as soon as the connection is."""
    served = opened()
    with closing(raw(served, HEAD + bytes(3_000_000))):
        wait_until(lambda: list(served.root.glob("in/.tflited-upload-*/files/*")), 10)
    wait_until(lambda: not list(served.root.glob("in/.*")), 10, what="nothing left")
    assert not served.landed()


def test_a_slow_body_is_given_up(opened: Open) -> None:
    """With the time that was allowed, and the connection ends."""
    served = opened(timeout_seconds=0.5)
    with closing(raw(served, HEAD + bytes(1000))) as connection:
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too_slow"
    assert not served.landed()


def test_a_declared_length_beyond_the_limit_is_not_waited_for(opened: Open) -> None:
    """The refusal comes before the body."""
    served = opened(largest_bytes=1000)
    with closing(raw(served, HEAD)) as connection:
        assert b" 413 " in connection.recv(4096).partition(b"\r\n")[0]


def test_there_is_a_limit_at_once(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told when to come again."""
    monkeypatch.setattr(uploads, "MOST_UPLOADS", 1)
    served = opened()
    with closing(raw(served, HEAD + bytes(2_000_000))):
        wait_until(lambda: list(served.root.glob("in/.tflited-upload-*/files/*")), 10)
        answer = served.put("other.keras", b"x")
        assert (answer.status, answer.json["code"]) == (503, "too_many_uploads")
        assert "retry-after" in answer.headers
    wait_until(lambda: served.put("other.keras", b"x").status == 201, 10)


def test_without_a_root_no_uploads_are_taken(tmp_path: Path) -> None:
    """The page says what to configure; the API has no such path."""
    server = serve(FakeControl(), tmp_path / "off.sock")
    server.start()
    try:
        daemon = Daemon(FakeControl(), server, tmp_path / "off.sock")
        page = daemon.unix("GET", "/uploads").body.decode()
        assert "[http.uploads]" in re.sub(r"<[^>]*>", "", page)
        assert "<form" not in page
        assert daemon.unix("PUT", "/api/v1/uploads/net.keras", b"x").status in {404, 405}
    finally:
        server.stop(5)
