"""Every path of the HTTP interface as clients see it, over loopback and the unix socket."""

import os

import pytest

from fakes.control import MODEL, NOW
from fakes.http_client import Daemon
from tflited.domain.attempt import AttemptResult, ChildRecord, ChildTask
from tflited.domain.attempt_record import AttemptRecord, as_text
from tflited.domain.job import JobState, TriggerSource
from tflited.domain.status import HealthCheck
from tflited.errors import CannotStartError, ConfigurationError, Problem
from tflited.web.api import MAX_TRIGGER_BYTES
from waiting import wait_until


def test_metrics_come_as_rendered(daemon: Daemon) -> None:
    """The Accept header reaches the renderer, its content type the client unchanged."""
    answer = daemon.tcp("GET", "/metrics", accept="application/openmetrics-text")

    assert answer.body == b"seen application/openmetrics-text"
    assert answer.content_type == "text/plain; version=0.0.4"


@pytest.mark.parametrize("target", ["/livez", "/healthz"])
def test_liveness_follows_the_engine(daemon: Daemon, target: str) -> None:
    """Only the loop that stands still makes it fail, not a check of readiness."""
    daemon.control.checks = [HealthCheck(name="output", is_ok=False, reason="full")]
    assert daemon.tcp("GET", target).status == 200

    daemon.control.alive = False
    assert daemon.tcp("GET", target).status == 503


def test_readiness_names_what_fails(daemon: Daemon) -> None:
    """The verbose form has one line for each check."""
    assert daemon.tcp("GET", "/readyz").status == 200
    daemon.control.checks.append(HealthCheck(name="roots", is_ok=False, reason="zoo\nis away"))

    answer = daemon.tcp("GET", "/readyz?verbose")
    assert answer.status == 503
    assert answer.body.splitlines() == [b"[+]output ok", b"[-]roots failed: zoo is away", b"not ok"]
    assert daemon.tcp("GET", "/readyz").body == b"not ok\n"


def test_readiness_leaves_out_what_is_excluded(daemon: Daemon) -> None:
    """A probe may ask for less; every check may be named."""
    daemon.control.checks = [
        HealthCheck(name="output", is_ok=False, reason="full"),
        HealthCheck(name="roots", is_ok=False, reason="away"),
        HealthCheck(name="scan", is_ok=True),
    ]
    assert daemon.tcp("GET", "/readyz?exclude=output").status == 503

    answer = daemon.tcp("GET", "/readyz?verbose&exclude=output&exclude=roots")
    assert answer.status == 200
    assert answer.body.splitlines() == [b"[+]scan ok", b"ok"]


def test_status_is_the_whole_dataclass(daemon: Daemon) -> None:
    """Nested dataclasses, enumerations and times are plain JSON."""
    status = daemon.tcp("GET", "/api/v1/status").json

    assert status["started_at"] == "2026-01-02T03:04:05Z"
    assert status["roots"][0]["models"] == {"building": 1}
    assert status["running"][0]["stage"] == "lower"
    assert status["models"][0]["model"] == {"root": "zoo", "path": "vision/net.keras"}


def test_why_needs_a_path(daemon: Daemon) -> None:
    """The path is asked back; without one the error says what is missing."""
    assert daemon.tcp("GET", "/api/v1/why?path=/srv/a%20b").json["path"] == "/srv/a b"

    answer = daemon.tcp("GET", "/api/v1/why")
    assert answer.status == 422
    assert answer.json["code"] == "usage"
    assert "path" in answer.json["message"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("path=caf%E9", os.fsdecode(b"caf\xe9")),
        ("path=caf%C3%A9", "caf\u00e9"),
        ("path=a+b%2Bc", "a b+c"),
        ("path=", ""),
    ],
)
def test_why_takes_any_bytes(daemon: Daemon, query: str, path: str) -> None:
    """A name that is not UTF-8 reaches the engine and comes back as it is on disk."""
    assert daemon.tcp("GET", f"/api/v1/why?{query}").json["path"] == path


def test_plan_is_a_list(daemon: Daemon) -> None:
    """One entry for each model."""
    [entry] = daemon.tcp("GET", "/api/v1/plan").json

    assert (entry["action"], entry["reason"]) == ("build", "new")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [2, 1]),
        ("?state=failed", [1]),
        ("?state=failed&state=queued", [2, 1]),
        ("?limit=1", [2]),
    ],
)
def test_jobs_by_state_and_limit(daemon: Daemon, query: str, ids: list[int]) -> None:
    """States may be repeated; without one every job counts."""
    assert [job["id"] for job in daemon.tcp("GET", f"/api/v1/jobs{query}").json] == ids


@pytest.mark.parametrize("query", ["?limit=0", "?limit=100000", "?state=odd"])
def test_wrong_queries_are_told(daemon: Daemon, query: str) -> None:
    """Arguments outside their range never reach the engine."""
    answer = daemon.tcp("GET", f"/api/v1/jobs{query}")

    assert (answer.status, answer.json["code"]) == (422, "usage")


def test_one_job_and_none(daemon: Daemon) -> None:
    """A job that is not there is a 404 with the next step."""
    assert daemon.tcp("GET", "/api/v1/jobs/1").json["state"] == "failed"

    answer = daemon.tcp("GET", "/api/v1/jobs/99")
    assert (answer.status, answer.json["code"]) == (404, "no_such_job")
    assert answer.json["hint"]


@pytest.mark.parametrize(
    ("headers", "source"),
    [({}, TriggerSource.API), ({"x_tflited_source": "cli"}, TriggerSource.CLI)],
)
def test_a_trigger_reaches_the_engine(
    daemon: Daemon, headers: dict[str, str], source: TriggerSource
) -> None:
    """The bytes arrive as sent, with the door they came through; the receipt comes back."""
    answer = daemon.unix("POST", "/api/v1/triggers", b'{"id": "t1"}', **headers)

    assert answer.status == 202
    assert (answer.json["id"], answer.json["job_id"]) == ("t1", 1)
    assert daemon.control.submitted == [(b'{"id": "t1"}', source)]


def test_a_refused_trigger_says_why(daemon: Daemon) -> None:
    """The reason of the receipt is in the error."""
    daemon.control.refusal = "unknown policy"
    answer = daemon.unix("POST", "/api/v1/triggers", b"{}")

    assert (answer.status, answer.json["code"]) == (422, "trigger_refused")
    assert "unknown policy" in answer.json["message"]


@pytest.mark.parametrize(("extra", "status"), [(0, 202), (1, 413)])
def test_triggers_have_a_longest_size(daemon: Daemon, extra: int, status: int) -> None:
    """The last allowed byte passes, one more does not, and never reaches the engine."""
    answer = daemon.unix("POST", "/api/v1/triggers", b"x" * (MAX_TRIGGER_BYTES + extra))

    assert answer.status == status
    assert len(daemon.control.submitted) == (status == 202)


def test_retry_and_cancel(daemon: Daemon) -> None:
    """Both answer with the job as it is afterwards."""
    assert daemon.unix("POST", "/api/v1/jobs/1/retry").json["state"] == "queued"
    assert daemon.unix("POST", "/api/v1/jobs/1/cancel").json["state"] == "cancelled"
    assert daemon.control.known[1].state is JobState.CANCELLED


def test_discard(daemon: Daemon) -> None:
    """A failed job is put away; one that is not over is a conflict."""
    assert daemon.unix("POST", "/api/v1/jobs/1/discard").json["state"] == "cancelled"
    assert daemon.unix("POST", "/api/v1/jobs/2/discard").status == 409
    assert daemon.unix("POST", "/api/v1/jobs/99/discard").status == 404


def test_a_job_whose_state_forbids_it(daemon: Daemon) -> None:
    """A conflict says what was observed and what is allowed."""
    answer = daemon.unix("POST", "/api/v1/jobs/2/retry")

    assert (answer.status, answer.json["code"]) == (409, "usage")
    assert daemon.unix("POST", "/api/v1/jobs/99/cancel").status == 404


def test_reload_tells_what_is_wrong(daemon: Daemon) -> None:
    """A good one is 200; a wrong one lists the problems."""
    assert daemon.unix("POST", "/api/v1/reload").status == 200
    assert daemon.control.reloads == 1

    problem = Problem(file="main.toml", key="slots", observed="'x'", allowed="1 to 64")
    daemon.control.error = ConfigurationError((problem,))
    answer = daemon.unix("POST", "/api/v1/reload")
    assert (answer.status, answer.json["code"]) == (422, "configuration")
    assert "main.toml: slots" in answer.json["message"]


def test_rebuild_stale_counts(daemon: Daemon) -> None:
    """The answer is how many were queued."""
    assert daemon.unix("POST", "/api/v1/rebuild-stale").json == {"queued": 3}
    assert daemon.unix("POST", "/api/v1/roots/zoo/confirm").json == {"confirmed": 2}
    assert daemon.unix("POST", "/api/v1/roots/z%0Ao/confirm").status == 404


@pytest.mark.parametrize(
    "target",
    [
        "triggers",
        "jobs/1/retry",
        "jobs/1/discard",
        "jobs/2/cancel",
        "reload",
        "rebuild-stale",
        "roots/zoo/confirm",
    ],
)
def test_nothing_is_changed_over_tcp_without_a_token(daemon: Daemon, target: str) -> None:
    """Any local user reaches the port; headers cannot claim to come through the socket."""
    answer = daemon.tcp("POST", f"/api/v1/{target}", tflited_transport="unix")

    assert (answer.status, answer.json["code"]) == (401, "unauthorised")
    assert "unix-socket" in answer.json["hint"]
    assert (daemon.control.submitted, daemon.control.reloads) == ([], 0)
    assert daemon.control.known[1].state is JobState.FAILED


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9000", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_foreign_host_names_are_refused(daemon: Daemon, host: str, status: int) -> None:
    """A page whose name was pointed at this machine cannot read through a browser here."""
    assert daemon.tcp("GET", "/api/v1/status", host=host).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8571", 200),
        ("http://LOCALHOST:8571", 200),
        ("http://localhost:9999", 403),
        ("https://localhost:8571", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
def test_foreign_pages_are_refused(daemon: Daemon, origin: str, status: int) -> None:
    """A page served elsewhere, another port of this machine included, gets nothing."""
    answer = daemon.tcp("GET", "/api/v1/status", host="localhost:8571", origin=origin)

    assert answer.status == status
    assert status == 200 or answer.json["code"] == "foreign_origin"


def test_the_socket_takes_any_host_name(daemon: Daemon) -> None:
    """No browser reaches it, and clients put what they like there."""
    assert daemon.unix("GET", "/api/v1/status", host="daemon").status == 200


def test_an_unknown_path_is_json(daemon: Daemon) -> None:
    """The framework's own errors have the one form too."""
    answer = daemon.tcp("GET", "/nothing")

    assert answer.status == 404
    assert set(answer.json) == {"code", "message", "hint"}


def test_draining_is_unavailable(daemon: Daemon) -> None:
    """While the engine cannot answer any more, clients may try again later."""
    daemon.control.error = CannotStartError("the daemon is stopping")

    assert daemon.tcp("GET", "/api/v1/status").status == 503
    assert daemon.tcp("GET", "/readyz").status == 503


def test_a_fault_inside_shows_no_traceback(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    """The client learns that it was the daemon's fault, the log learns the rest."""
    daemon.control.error = RuntimeError("secret detail")
    answer = daemon.tcp("GET", "/api/v1/status")

    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    wait_until(lambda: "secret detail" in caplog.text, 5, what="the traceback in the log")


def test_attempts_are_records_and_text(daemon: Daemon) -> None:
    """The text is what the command shows, never a page; an unknown attempt or job is 404."""
    child = ChildRecord(
        task=ChildTask.PROVE, result=AttemptResult.OK, seconds=1.0, said="<b>bold</b>"
    )
    record = AttemptRecord(
        job_id=1,
        attempt=1,
        model=MODEL,
        policy="mobile",
        ended_at=NOW,
        seconds=2.0,
        children=(child,),
    )
    daemon.control.records = [record]

    (told,) = daemon.tcp("GET", "/api/v1/jobs/1/attempts").json
    assert told["children"][0]["said"] == "<b>bold</b>"
    text = daemon.tcp("GET", "/api/v1/jobs/1/attempts/1/log")
    assert text.content_type == "text/plain; charset=utf-8"
    assert text.body.decode() == as_text(record)
    assert daemon.tcp("GET", "/api/v1/jobs/1/attempts/2/log").json["code"] == "no_such_attempt"
    assert daemon.tcp("GET", "/api/v1/jobs/9/attempts").json["code"] == "no_such_job"
    assert daemon.tcp("GET", "/api/v1/jobs/2/attempts").json == []
