"""The depot's own protocol, spoken by hand: what a hostile peer may say, and what it is told."""

import hashlib
import http.client
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tflited.workers.transfer.depot import Depot
from tflited.workers.transfer.offer import Offer
from tflited.workers.transfer.requests import MOST_ANNOUNCED_BYTES, Request

ATTEMPT = "7.1"
CONTENT = bytes(range(256)) * 40


class Peer:
    """Asks a depot with one attempt's token."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.token = offer.token
        host, _, port = offer.url.removeprefix("http://").rpartition(":")
        self.address = (host, int(port))

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of an answer."""
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        try:
            named = {"Authorization": f"Bearer {self.token}", **headers}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        finally:
            connection.close()

    def announce(self, *files: tuple[str, bytes], **more: Any) -> int:
        """The status of an announcement of files by path and content."""
        told = [
            {"path": path, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in files
        ]
        return self.ask("PUT", "/v1/result", json.dumps({"files": told, **more}).encode())[0]


@pytest.fixture
def peer(depot: Depot, tmp_path: Path) -> Peer:
    path = tmp_path / "net.keras"
    path.write_bytes(CONTENT)
    return Peer(depot.offer(ATTEMPT, {"model": path}, most_bytes=10_000, most_files=3))


@pytest.fixture
def blob(peer: Peer) -> str:
    return f"/v1/blobs/{peer.offer.items[0].files[0].sha256}"


def test_a_file_is_sent_whole(peer: Peer, blob: str) -> None:
    """With its length."""
    status, body, headers = peer.ask("GET", blob)
    assert (status, body, headers["Content-Length"]) == (200, CONTENT, str(len(CONTENT)))


@pytest.mark.parametrize("begin", [0, 1, 10_239])
def test_a_file_is_sent_from_a_byte_on(peer: Peer, blob: str, begin: int) -> None:
    """RFC 9110, section 14: 206 and the range that it is."""
    status, body, headers = peer.ask("GET", blob, Range=f"bytes={begin}-")
    assert (status, body) == (206, CONTENT[begin:])
    assert headers["Content-Range"] == f"bytes {begin}-10239/10240"


@pytest.mark.parametrize("told", ["bytes=5-9", "bytes=-5", "bytes=1-,2-", "lines=1-", "bytes=x-"])
def test_ranges_that_no_worker_asks_for_are_ignored(peer: Peer, blob: str, told: str) -> None:
    """A server may send the whole instead."""
    assert peer.ask("GET", blob, Range=told)[:2] == (200, CONTENT)


def test_a_range_behind_the_end_is_refused(peer: Peer, blob: str) -> None:
    """416, not an empty file that looks complete."""
    assert [peer.ask("GET", blob, Range=f"bytes={begin}-")[0] for begin in (10240, 10241)] == [
        416
    ] * 2


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "\xff", "a" * 5000])
def test_without_the_token_nothing_is_told(peer: Peer, blob: str, token: str) -> None:
    """Whatever is asked for, there or not."""
    peer.token = token
    for method, path in (("GET", blob), ("GET", "/v1/blobs/x"), ("POST", "/v1/result")):
        status, body, _ = peer.ask(method, path)
        assert (status, body) == (401, b"observed no token of a running attempt")


def test_a_token_ends_with_its_attempt(depot: Depot, peer: Peer, blob: str) -> None:
    """Every request of it is answered with 410 from then on."""
    depot.withdraw(ATTEMPT)
    answers = [peer.ask(*each)[0] for each in (("GET", blob), ("POST", "/v1/result"))]
    assert [*answers, peer.announce()] == [410, 410, 410]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/blobs/../../etc/passwd", 404),
        ("GET", f"/v1/blobs/{'0' * 64}", 404),
        ("PUT", "/v1/result/0", 409),
        ("PUT", "/v1/result/../x", 404),
        ("PUT", "/v1/result/9999999", 404),
        ("POST", "/v1/result", 409),
        ("POST", "/v1/other", 404),
        ("DELETE", "/v1/result", 501),
    ],
)
def test_what_there_is_not(peer: Peer, method: str, path: str, status: int) -> None:
    """A path is a digest or a number, or is refused."""
    assert peer.ask(method, path, b"" if method != "GET" else None)[0] == status


def test_a_delivery_step_by_step(depot: Depot, peer: Peer) -> None:
    """Each step may be repeated, as after an answer that was lost; afterwards it is final."""
    for _ in range(2):
        assert peer.announce(("set/a", b"one"), ("set/b", b""), folders=["empty"]) == 204
        assert peer.ask("PUT", "/v1/result/0", b"one")[0] == 204
    assert peer.ask("POST", "/v1/result", b"")[0] == 409
    assert depot.delivered(ATTEMPT) is None
    assert peer.ask("PUT", "/v1/result/1", b"")[0] == 204
    assert [peer.ask("POST", "/v1/result", b"")[0] for _ in range(2)] == [204, 204]
    assert peer.ask("PUT", "/v1/result/0", b"one")[0] == 409
    folder = depot.delivered(ATTEMPT)
    assert folder is not None
    assert sorted(path.name for path in folder.rglob("*")) == ["a", "b", "empty", "set"]


@pytest.mark.parametrize(
    ("number", "body", "status"),
    [(0, b"two", 422), (0, b"longer", 400), (0, b"", 400), (1, b"", 404)],
)
def test_only_what_was_announced_is_kept(
    depot: Depot, peer: Peer, tmp_path: Path, number: int, body: bytes, status: int
) -> None:
    """Another size, another content, another file: refused, and nothing of it stays."""
    peer.announce(("a", b"one"))
    assert peer.ask("PUT", f"/v1/result/{number}", body)[0] == status
    assert not [path for path in (tmp_path / "staging").rglob("*") if path.is_file()]


def test_a_second_list_is_refused(peer: Peer) -> None:
    """What was checked once is what is delivered."""
    assert peer.announce(("a", b"one")) == 204
    assert peer.announce(("b", b"one")) == 409


@pytest.mark.parametrize(
    "files",
    [
        [("a", b"x" * 10_001)],
        [("a", b"x" * 6_000), ("b", b"x" * 6_000)],
        [("a", b""), ("b", b""), ("c", b""), ("d", b"")],
    ],
)
def test_more_than_is_allowed_is_refused_before_it_comes(
    peer: Peer, files: list[tuple[str, bytes]]
) -> None:
    """Bytes and files, each alone and together."""
    assert peer.announce(*files) == 413


def test_more_than_there_is_room_for_is_refused(depot: Depot) -> None:
    """Before a byte of it has come."""
    peer = Peer(depot.offer("8.1", {}, most_bytes=2**50))
    told = {"files": [{"path": "a", "size_bytes": 2**49, "sha256": "0" * 64}]}
    assert peer.ask("PUT", "/v1/result", json.dumps(told).encode())[0] == 507


@pytest.mark.parametrize("path", ["../a", "/a", "a/../../b", "a\0", ""])
def test_names_that_lead_elsewhere_are_refused(peer: Peer, path: str) -> None:
    """No file outside of the attempt's place can be written."""
    assert peer.announce((path, b"")) == 400


@pytest.mark.parametrize(
    "head",
    [
        b"PUT /v1/result HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        b"PUT /v1/result HTTP/1.1\r\nContent-Length: -1\r\n",
        b"PUT /v1/result HTTP/1.1\r\nContent-Length: 1_0\r\n",
        b"PUT /v1/result HTTP/1.1\r\n",
    ],
)
def test_a_body_without_a_length_is_refused(peer: Peer, head: bytes) -> None:
    """And the connection ends, for nobody knows where the next request begins."""
    answer = raw(peer, head + f"Authorization: Bearer {peer.token}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 411")
    assert b"Connection: close" in answer


@pytest.mark.parametrize("length", [MOST_ANNOUNCED_BYTES + 1, 2**40])
def test_a_long_refused_body_ends_the_connection(peer: Peer, length: int) -> None:
    """A list is not read to its end: Python's objects are many times larger than their text."""
    head = f"PUT /v1/result HTTP/1.1\r\nContent-Length: {length}\r\n"
    answer = raw(peer, f"{head}Authorization: Bearer {peer.token}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413")


def raw(peer: Peer, content: bytes) -> bytes:
    """What comes back until the depot closes."""
    answer = b""
    # A depot that closes with bytes unread resets the connection.
    with (
        socket.create_connection(peer.address, timeout=20) as line,
        suppress(ConnectionError),
    ):
        line.sendall(content)
        line.shutdown(socket.SHUT_WR)
        while chunk := line.recv(65536):
            answer += chunk
    return answer


@given(content=st.binary(max_size=300), head=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_on_the_line_hurts_nobody(peer: Peer, blob: str, content: bytes, head: bool) -> None:
    """The next request is served as before."""
    raw(peer, (b"PUT /v1/result HTTP/1.1\r\n" if head else b"") + content)
    assert peer.ask("GET", blob)[0] == 200


def test_many_requests_share_a_connection(peer: Peer, blob: str) -> None:
    """A folder of a thousand files is not a thousand handshakes."""
    connection = http.client.HTTPConnection(*peer.address, timeout=20)
    sockets = set[Any]()
    for _ in range(5):
        connection.request("GET", blob, headers={"Authorization": f"Bearer {peer.token}"})
        assert connection.getresponse().read() == CONTENT
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1


def test_the_answer_tells_nothing_about_the_library(peer: Peer) -> None:
    """Versions are for the log."""
    assert peer.ask("GET", "/")[2]["Server"] == "tflited"
    assert Request.protocol_version == "HTTP/1.1"


def test_descriptors_are_closed(peer: Peer, blob: str, depot: Depot) -> None:
    """After sending, refusing and ending."""
    for begin in ("0", "10241"):
        peer.ask("GET", blob, Range=f"bytes={begin}-")
    depot.stop(5.0)
    held = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
    assert not [path for path in held if path.endswith("net.keras")]
