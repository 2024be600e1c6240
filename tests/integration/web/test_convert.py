"""Convert now over a real listener: who may send the form, in which bounds, and what comes back."""

import hashlib
import http.client
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from fakes.control import FakeControl
from fakes.http_client import Answer, Daemon, UnixConnection, ask, render
from tflited.domain.access import HttpRules, Scope, TokenSource
from tflited.domain.job import TriggerSource
from tflited.errors import OverCapacityError
from tflited.web.api import create_app
from tflited.web.body import MAX_FORM_BYTES
from tflited.web.offers import Offers
from tflited.web.server import HttpServer
from tflited.web.session import own_address
from tflited.web.tokens import Token

SECRETS = {"all": (Scope.READ, Scope.WRITE), "reader": (Scope.READ,)}
TOKENS = tuple(
    Token(name=name, digest=hashlib.sha256(name.encode()).digest(), scopes=frozenset(scopes))
    for name, scopes in SECRETS.items()
)
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
NET = {"model.path": "zoo/vision/net.keras"}


@dataclass
class Browser:
    """Keeps a cookie and reads form tokens, as a browser and its reader do."""

    daemon: Daemon
    cookie: str = ""

    def get(self, path: str) -> Answer:
        """Opens a page."""
        return self._ask("GET", path, None)

    def post(self, path: str, /, **fields: str) -> Answer:
        """Sends a form without a form token."""
        return self._ask("POST", path, urlencode(fields).encode())

    def begin(self, secret: str) -> Answer:
        """Begins a session."""
        answer = self.post("/session", token=secret, next="/convert")
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return answer

    def send(self, /, **fields: str) -> Answer:
        """Opens the form and sends it filled in."""
        hidden = dict(
            re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.text("/convert"))
        )
        return self.post("/convert", **hidden, **fields)

    def text(self, path: str) -> str:
        """A page."""
        return self.get(path).body.decode()

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.server.port, timeout=10)
        headers = {**FORM, "cookie": self.cookie, "sec-fetch-site": "same-origin"}
        return ask(connection, method, path, body, headers)


Open = Callable[..., Browser]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    servers: list[HttpServer] = []

    def serve(**rules: int | bool) -> Browser:
        sources = tuple(TokenSource(name=name, credential=name) for name in SECRETS)
        given = HttpRules(tokens=sources, **rules)  # type: ignore[arg-type]  # told by their names
        control = FakeControl()
        offers = Offers(policies=lambda: ("mobile",))
        app = create_app(control, render, version="1", rules=given, tokens=TOKENS, offers=offers)
        path = tmp_path / f"{len(servers)}.sock"
        server = HttpServer(app, host="127.0.0.1", port=0, socket=path, rules=given)
        server.before_stop(app.state.streams.close)
        server.start()
        servers.append(server)
        return Browser(Daemon(control, server, path))

    yield serve
    for server in servers:
        server.stop(5)


def test_a_session_sends_the_form(opened: Open) -> None:
    """The document goes to the engine as from the API, and the browser to its job."""
    browser = opened()
    assert browser.begin("all").headers["location"] == "/convert"
    answer = browser.send(**NET, priority="7")
    ((document, source),) = browser.daemon.control.submitted

    assert (answer.status, answer.headers["location"]) == (303, "/jobs/1")
    assert source is TriggerSource.API
    assert json.loads(document)["model"] == {"path": "zoo/vision/net.keras"}
    assert "Asked for with" in browser.text("/jobs/1")


def test_the_socket_needs_no_session(opened: Open) -> None:
    """Its file's mode guards it; a page from elsewhere is refused there too."""
    daemon = opened().daemon
    body = urlencode(NET).encode()

    def post(**headers: str) -> Answer:
        return ask(UnixConnection(daemon.path), "POST", "/convert", body, {**FORM, **headers})

    assert post().status == 303
    assert post(**{"sec-fetch-site": "same-origin", "origin": "http://localhost"}).status == 303
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
        assert post(**headers).status == 403
    assert len(daemon.control.submitted) == 2


@pytest.mark.parametrize(
    ("secret", "status", "words"),
    [("", 401, "no token"), ("reader", 403, "allowed one with write"), ("wrong", 401, "no token")],
)
def test_who_may_not_write_keeps_what_was_typed(
    opened: Open, secret: str, status: int, words: str
) -> None:
    """The form comes back with the reason, and nothing reaches the engine."""
    browser = opened()
    browser.begin(secret)
    answer = browser.send(**NET)
    page = unescape(answer.body.decode())

    assert answer.status == status
    assert words in page
    assert NET["model.path"] in page
    assert "Reading only" in page
    assert not browser.daemon.control.submitted


def test_a_form_of_another_session_is_refused(opened: Open) -> None:
    """The cookie alone is not enough, for the form, for ending a session, and for the API."""
    browser = opened()
    browser.begin("all")
    for answer in (
        browser.post("/convert", **NET),
        browser.post("/convert", **NET, form_token="x"),
        browser.post("/session/end", form_token="x"),
        browser.post("/api/v1/triggers"),
    ):
        assert answer.status == 403
        assert b"form token" in answer.body
    assert not browser.daemon.control.submitted
    assert "A session with the token all" in browser.text("/session")


def test_a_session_writes_through_the_api_with_its_form_token(opened: Open) -> None:
    """A page's script can do what its forms can."""
    browser = opened()
    browser.begin("all")
    (token,) = re.findall(r'name="form_token" value="([^"]+)"', browser.text("/session"))
    connection = http.client.HTTPConnection("127.0.0.1", browser.daemon.server.port, timeout=10)
    headers = {"cookie": browser.cookie, "x-form-token": token}

    assert ask(connection, "POST", "/api/v1/triggers", b"{}", headers).status == 202


def test_a_session_reads_where_reading_needs_a_token(opened: Open) -> None:
    """Without one the page says where to begin it."""
    browser = opened(require_token_for_reading=True)
    refused = browser.get("/convert")
    assert (refused.status, b"/session" in refused.body) == (401, True)
    browser.begin("reader")
    assert browser.get("/convert").status == 200
    assert browser.get("/api/v1/status").status == 200


def test_an_ended_session_is_over(opened: Open) -> None:
    """Its cookie is taken back, and would be worth nothing."""
    browser = opened()
    browser.begin("all")
    (token,) = re.findall(r'name="form_token" value="([^"]+)"', browser.text("/session"))
    ended = browser.post("/session/end", form_token=token)

    assert "Max-Age=0" in ended.headers["set-cookie"]
    assert "No session" in browser.text("/session")


def test_guessing_tokens_has_its_limit(opened: Open) -> None:
    """The same as for the API, and the right token passes all the same."""
    browser = opened()
    statuses = [browser.post("/session", token=f"wrong{number}").status for number in range(12)]
    assert statuses[0] == 403
    assert statuses[-1] == 429
    assert browser.begin("all").status == 303


def test_a_session_shares_its_tokens_limit(opened: Open) -> None:
    """Forms and API calls are writes of one token; the form says when to come again."""
    browser = opened(write_burst=1, writes_per_minute=1)
    browser.begin("all")
    assert browser.send(**NET).status == 303
    answer = browser.send(**NET)

    assert (answer.status, NET["model.path"].encode() in answer.body) == (429, True)
    assert int(answer.headers["retry-after"]) >= 1


def test_a_full_queue_keeps_what_was_typed(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither accepted nor refused: the form comes back to be sent again."""
    browser = opened()
    browser.begin("all")
    monkeypatch.setattr(browser.daemon.control, "submit", refuse_over_capacity)
    answer = browser.send(**NET)

    assert (answer.status, b"queue: full" in answer.body) == (503, True)
    assert NET["model.path"].encode() in answer.body


def refuse_over_capacity(*_: object) -> None:
    """What the engine says when it is full."""
    raise OverCapacityError("queue: full", hint="later")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=" + b"x" * MAX_FORM_BYTES, FORM["content-type"], 413),
        (b"&".join([b"a=b"] * 600), FORM["content-type"], 413),
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data; boundary=x", 415),
    ],
)
def test_a_form_is_bounded(opened: Open, body: bytes, kind: str, status: int) -> None:
    """Too long, too many fields, or no form at all."""
    daemon = opened().daemon
    answer = ask(UnixConnection(daemon.path), "POST", "/convert", body, {"content-type": kind})

    assert answer.status == status
    assert not daemon.control.submitted


def test_a_refusal_of_the_engine_is_shown_at_its_field(opened: Open) -> None:
    """With the words of the receipt."""
    browser = opened()
    browser.begin("all")
    browser.daemon.control.refusal = "The trigger document is wrong: save_to: <b>no</b>."
    answer = browser.send(**NET, save_to="x")

    assert answer.status == 422
    (told,) = re.findall(r'id="save-to-problem"[^>]*>(.*?)</p>', answer.body.decode())
    assert "save_to: &lt;b&gt;no&lt;/b&gt;" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/convert?path=a%20b", "/convert?path=a%20b"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nb", "/"),
        ("evil", "/"),
        ("/é", "/"),
    ],
)
def test_a_session_leads_back_to_this_daemon_only(text: str, expected: str) -> None:
    """Nothing that a browser would take for another host."""
    assert own_address(text) == expected


def test_a_link_fills_in_the_form(opened: Open) -> None:
    """``path`` is short for the model's; what is no field is nothing."""
    page = opened().text("/convert?path=zoo/net&policy.override.variants=int8&evil=1&save_to=x")
    assert 'value="zoo/net"' in page
    assert re.search(r'value="int8" checked', page)
    assert "evil" not in page
