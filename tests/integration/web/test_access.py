"""Who may read and write over TCP: tokens, scopes, rates, hosts and pages."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from fakes.control import FakeControl
from fakes.http_client import Daemon, render
from tflited.domain.access import HttpRules, Scope, TokenSource
from tflited.errors import OverCapacityError
from tflited.web.api import create_app
from tflited.web.server import HttpServer
from tflited.web.tokens import Token

SECRETS = {"all": (Scope.READ, Scope.WRITE), "reader": (Scope.READ,), "writer": (Scope.WRITE,)}
TOKENS = tuple(
    Token(name=name, digest=hashlib.sha256(name.encode()).digest(), scopes=frozenset(scopes))
    for name, scopes in SECRETS.items()
)
SOURCES = tuple(TokenSource(name=name, credential=name) for name in SECRETS)
Serve = Callable[..., Daemon]
Wrap = Callable[[ASGIApp], ASGIApp]
ADDRESS = "192.0.2.7"


def bare(app: ASGIApp) -> ASGIApp:
    return app


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serve]:
    servers: list[HttpServer] = []

    def serve(host: str = "127.0.0.1", wrap: Wrap = bare, **rules: Any) -> Daemon:
        given = HttpRules(tokens=SOURCES, **rules)
        control = FakeControl()
        app = create_app(control, render, version="1", rules=given, tokens=TOKENS)
        path = tmp_path / f"{len(servers)}.sock"
        server = HttpServer(wrap(app), host=host, port=0, socket=path, rules=given)
        server.before_stop(app.state.streams.close)
        server.start()
        servers.append(server)
        return Daemon(control, server, path)

    yield serve
    for server in servers:
        server.stop(5)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (bearer("all"), 202),
        (bearer("writer"), 202),
        (bearer("reader"), 403),
        (bearer("al"), 401),
        (bearer(""), 401),
        ({"authorization": "Basic YWxsOmFsbA=="}, 401),
        ({"authorization": "all"}, 401),
    ],
)
def test_writing_needs_a_token_with_that_scope(
    served: Serve, headers: dict[str, str], status: int
) -> None:
    """On loopback too; whoever may not learns how, and nothing reaches the engine."""
    daemon = served()
    answer = daemon.tcp("POST", "/api/v1/triggers", **headers)

    assert answer.status == status
    assert len(daemon.control.submitted) == (status == 202)
    assert status == 202 or set(answer.json) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 200), (bearer("reader"), 200), (bearer("writer"), 403), (bearer("wrong"), 401)],
)
def test_reading_on_loopback(served: Serve, headers: dict[str, str], status: int) -> None:
    """It needs no token; one that is given must be right."""
    assert served().tcp("GET", "/api/v1/status", **headers).status == status


@pytest.mark.parametrize(
    "path", ["/metrics", "/why", "/api/v1/status", "/api/v1/openapi.json", "/api/v1/jobs/1/events"]
)
def test_reading_may_need_a_token(served: Serve, path: str) -> None:
    """Everything but the probes then does, on TCP; the socket never does."""
    daemon = served(require_token_for_reading=True)

    assert daemon.tcp("GET", path).status == 401
    assert daemon.tcp("GET", path, **bearer("reader")).status == 200
    assert daemon.unix("GET", path).status == 200
    assert daemon.tcp("GET", "/livez").status == daemon.tcp("GET", "/readyz").status == 200


class Elsewhere:
    """Makes every connection look as if it had come to an address that is not loopback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        await self._app({**scope, "server": (ADDRESS, 80)}, receive, send)


def test_another_address_needs_tokens_for_everything(served: Serve) -> None:
    """Probes pass; the address itself is a known host, a name is not."""
    daemon = served(wrap=Elsewhere)
    away = {"host": f"{ADDRESS}:80"}

    answer = daemon.tcp("GET", "/api/v1/status", **away)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="tflited"')
    assert daemon.tcp("GET", "/metrics", **away).status == 401
    assert daemon.tcp("GET", "/livez", **away).status == 200
    assert daemon.tcp("GET", "/metrics", **away, **bearer("reader")).status == 200
    for host in ("evil.example", "localhost", "192.0.2.8"):
        assert daemon.tcp("GET", "/metrics", host=host, **bearer("reader")).status == 403


def test_with_tokens_any_address_is_bound(served: Serve) -> None:
    """What comes to loopback all the same is local."""
    assert served("0.0.0.0").tcp("GET", "/api/v1/status").status == 200  # noqa: S104 - the case


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "tflited.example"}, 202),
        ({"host": "TFLITED.example:443", "origin": "https://tflited.example:443"}, 202),
        ({"host": "other.example"}, 403),
        ({"host": "tflited.example", "origin": "https://evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "same-origin"}, 202),
    ],
)
def test_foreign_pages_do_not_write_even_with_a_token(
    served: Serve, headers: dict[str, str], status: int
) -> None:
    """A page that got hold of a token is a page still; configured names are this machine's."""
    daemon = served(hosts=("tflited.example",))
    answer = daemon.tcp("POST", "/api/v1/triggers", **headers, **bearer("all"))

    assert answer.status == status


def test_writes_have_a_rate(served: Serve) -> None:
    """One token's burst costs no other anything; the answer says when; the socket has none."""
    daemon = served(writes_per_minute=1, write_burst=2)
    statuses = [daemon.tcp("POST", "/api/v1/triggers", **bearer("all")) for _ in range(3)]

    assert [each.status for each in statuses] == [202, 202, 429]
    assert 1 <= int(statuses[2].headers["retry-after"]) <= 60
    assert daemon.tcp("POST", "/api/v1/triggers", **bearer("writer")).status == 202
    assert [daemon.unix("POST", "/api/v1/triggers").status for _ in range(5)] == [202] * 5


def test_guessing_has_a_rate(served: Serve) -> None:
    """Wrong tokens are held off, the right one from the same address is not."""
    daemon = served()
    statuses = [daemon.tcp("GET", "/api/v1/status", **bearer(f"x{n}")).status for n in range(12)]

    assert statuses[:10] == [401] * 10
    assert statuses[-1] == 429
    assert daemon.tcp("GET", "/api/v1/status", **bearer("all")).status == 200


def test_over_capacity_is_told(served: Serve) -> None:
    """503 with the time to ask again."""
    daemon = served()
    daemon.control.error = OverCapacityError("queue: full", retry_after_seconds=7)
    answer = daemon.tcp("POST", "/api/v1/triggers", **bearer("all"))

    assert (answer.status, answer.json["code"]) == (503, "over_capacity")
    assert answer.headers["retry-after"] == "7"


def test_an_accepted_trigger_names_its_job(served: Serve) -> None:
    """The door is the API's over TCP whatever a header claims."""
    daemon = served()
    answer = daemon.tcp("POST", "/api/v1/triggers", x_tflited_source="cli", **bearer("all"))

    assert answer.headers["location"] == "/api/v1/jobs/1"
    assert [source.value for _, source in daemon.control.submitted] == ["api"]


def test_the_document_names_every_answer(served: Serve) -> None:
    """Security, bodies and refusals are in the OpenAPI document."""
    document = json.loads(served().tcp("GET", "/api/v1/openapi.json").body)
    trigger = document["paths"]["/api/v1/triggers"]["post"]

    assert trigger["security"] == [{"token": []}]
    assert {"202", "401", "403", "408", "413", "422", "429", "503"} <= set(trigger["responses"])
    assert "Retry-After" in trigger["responses"]["503"]["headers"]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "security" not in document["paths"]["/livez"]["get"]
