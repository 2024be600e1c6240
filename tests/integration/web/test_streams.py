"""Event streams as clients read them: a job's story to its end, in bounds."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from fakes.control import FakeControl, make_job
from fakes.http_client import Daemon, UnixConnection, serve
from tflited.domain.access import HttpRules
from tflited.domain.job import JobState
from tflited.domain.report import Stage
from tflited.web.protocol import HEADER_SECONDS
from tflited.web.streams import HEARTBEAT_SECONDS
from waiting import wait_until


@contextmanager
def stream(daemon: Daemon, target: str, **headers: str) -> Iterator[HTTPResponse]:
    """An open stream over TCP."""
    connection = HTTPConnection("127.0.0.1", daemon.server.port, timeout=20)
    try:
        connection.request(
            "GET", target, headers={k.replace("_", "-"): headers[k] for k in headers}
        )
        yield connection.getresponse()
    finally:
        connection.close()


def event(response: HTTPResponse) -> dict[str, Any]:
    """The next event; comments are passed over."""
    fields: dict[str, str] = {}
    while line := response.readline().decode().strip("\n") or (fields and "end"):
        if line == "end":
            return {**json.loads(fields["data"]), "id": int(fields["id"]), "event": fields["event"]}
        if not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            response.readline()
    return {}


def change(control: FakeControl, job_id: int, state: JobState) -> None:
    """A job's state changes, as the store and then the feed have it."""
    control.known[job_id] = make_job(job_id, state)
    control.feed.state_changed(control.known[job_id])


def test_a_model_that_stands_elsewhere_is_told(daemon: Daemon) -> None:
    """Without an id and without data; however many did, those who follow look once."""
    with stream(daemon, "/api/v1/events") as response:
        response.readline()  # it listens now
        response.readline()
        daemon.control.feed.model_changed()
        assert response.readline() == b"event: models\n"
        assert response.readline() == b"data: {}\n"


def test_a_job_to_its_end(daemon: Daemon) -> None:
    """The state now, then each change and stage as it happens; the end ends the stream."""
    with stream(daemon, "/api/v1/jobs/2/events") as response:
        assert response.getheader("content-type", "").startswith("text/event-stream")
        assert event(response)["state"] == "queued"
        change(daemon.control, 2, JobState.RUNNING)
        assert event(response)["state"] == "running"
        daemon.control.feed.stage_began(daemon.control.known[2], Stage.LOWER, "int8")
        change(daemon.control, 1, JobState.DEAD)  # another job
        told = event(response)
        assert (told["event"], told["stage"], told["detail"]) == ("stage", "lower", "int8")
        change(daemon.control, 2, JobState.PUBLISHED)
        assert event(response)["state"] == "published"
        assert response.read() == b""


def test_the_story_so_far_is_told(daemon: Daemon) -> None:
    """Who comes late hears it from the beginning, or from where it left off."""
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHED):
        change(daemon.control, 2, state)

    with stream(daemon, "/api/v1/jobs/2/events") as response:
        assert [event(response)["state"] for _ in range(3)] == ["queued", "running", "published"]
    for last in ("2", "nonsense", "99999", "-1", "9" * 30):
        with stream(daemon, "/api/v1/jobs/2/events", last_event_id=last) as response:
            first = event(response)["state"]
            assert first == ("published" if last == "2" else "queued")


def test_an_ended_job_and_none(daemon: Daemon) -> None:
    """What is over is told at once; what never was is a 404."""
    with stream(daemon, "/api/v1/jobs/1/events") as response:
        assert event(response)["state"] == "failed"
        assert response.read() == b""
    assert daemon.tcp("GET", "/api/v1/jobs/99/events").status == 404


def test_all_jobs_from_now_on(daemon: Daemon) -> None:
    """What was before is not told again unless asked for."""
    change(daemon.control, 1, JobState.QUEUED)
    with stream(daemon, "/api/v1/events") as response:
        assert (response.readline(), response.readline()) == (b": tflited\n", b"\n")
        change(daemon.control, 2, JobState.RUNNING)
        assert event(response)["job_id"] == 2
    with stream(daemon, "/api/v1/events", last_event_id="0") as response:
        assert [event(response)["job_id"] for _ in range(2)] == [1, 2]


def test_streams_are_counted(tmp_path: Path) -> None:
    """One too many is held off; one that ended makes room."""
    control, path = FakeControl(), tmp_path / "s"
    server = serve(control, path, rules=HttpRules(max_event_streams=1))
    server.start()
    daemon = Daemon(control, server, path)
    try:
        with stream(daemon, "/api/v1/events") as response:
            response.readline()
            answer = daemon.tcp("GET", "/api/v1/events")
            assert (answer.status, answer.json["code"]) == (503, "too_many_streams")
            assert int(answer.headers["retry-after"]) > 0

        def has_room() -> bool:
            with stream(daemon, "/api/v1/events") as again:
                return again.status == 200

        wait_until(has_room, 20, what="the first stream to be forgotten")
    finally:
        server.stop(5)


def test_a_stop_ends_streams_at_once(tmp_path: Path) -> None:
    """A stream without an end does not hold the daemon up."""
    control, path = FakeControl(), tmp_path / "s"
    server = serve(control, path)
    server.start()
    connection = UnixConnection(path)
    connection.request("GET", "/api/v1/events")
    response = connection.getresponse()
    response.readline()
    before = time.monotonic()
    server.stop(10)

    assert time.monotonic() - before < HEARTBEAT_SECONDS / 2
    connection.close()


def test_connections_are_counted(tmp_path: Path) -> None:
    """Silent clients keep no place for ever; the next hears 503, and the socket goes on."""
    control, path = FakeControl(), tmp_path / "s"
    server = serve(control, path, rules=HttpRules(max_connections=8))
    server.start()
    daemon = Daemon(control, server, path)
    before = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", server.port), 20) for _ in range(8)]
    try:
        answer = wait_until(lambda: daemon.tcp("GET", "/livez"), 5)
        assert (answer.status, answer.json["code"]) == (503, "too_busy")
        assert int(answer.headers["retry-after"]) > 0
        assert daemon.unix("GET", "/livez").status == 200
        for half, client in zip((b"GET", b"G", b"", b"POST"), silent, strict=False):
            client.sendall(half)
        for client in silent:  # each is ended after the time for a header
            assert client.recv(1) == b""
        assert time.monotonic() - before < HEADER_SECONDS + 5
        assert daemon.tcp("GET", "/livez").status == 200
    finally:
        for client in silent:
            client.close()
        server.stop(5)
