"""The real daemon, asked whatever its own OpenAPI document allows and much that it does not."""

import ctypes
import http.client
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.core.result import Ok

from daemon_process import MAIN_FILE, DaemonProcess
from model_trees import saved_model
from waiting import wait_until

TOKEN = "fuzz-token-0123456789abcdef"
READER = "read-token-0123456789abcdef"
EXAMPLES = int(os.environ.get("TFLITED_FUZZ_EXAMPLES", "15"))
"""For each operation; the gate's run is short, a run by hand may take any number."""
FOR_EVER = {"/api/v1/events"}
"""Streams without an end of their own; tests/integration/web/test_streams.py reads them."""
IN_OPEN = 0x20
IN_ACCESS = 0x1
UNAVAILABLE = 503
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Target:
    """A daemon with a port, and a folder beside its roots that nobody may touch."""

    daemon: DaemonProcess
    port: int
    outside: Path

    def ask(
        self, method: str, target: str, body: bytes = b"", /, **headers: str
    ) -> tuple[int, Any]:
        """One request over TCP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzz")
    outside = folder / "outside"
    outside.mkdir()
    (outside / "canary.npz").write_bytes(b"canary")
    saved_model(outside / "model")
    for name, secret in (("fuzz", TOKEN), ("reader", READER)):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    daemon = DaemonProcess(folder)
    tokens = "".join(
        f'\n[[http.token]]\nname = "{name}"\nfile = "{name}"\nscopes = {scopes}\n'
        for name, scopes in (("fuzz", '["read", "write"]'), ("reader", '["read"]'))
    )
    bounds = "writes_per_minute = 1000000\nwrite_burst = 1000000\n"
    main_file = MAIN_FILE.replace("\n[log]", f"{bounds}\n[log]") + tokens
    daemon.main_file.write_text(main_file)
    saved_model(daemon.root / "net")
    daemon.start()
    yield Target(daemon, daemon.port(), outside)
    daemon.stop()


def entries(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time of change."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def asked_for(target: Target) -> list[int]:
    """Every job that somebody asked for."""
    jobs = target.daemon.get("jobs", limit=1000)
    return [job["id"] for job in jobs if job["trigger"] != "watch"]


class Opened:
    """Whether anything below a folder was opened or read, as the kernel tells (inotify(7))."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for path in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
            name = os.fsencode(path)
            watch = self._libc.inotify_add_watch(self._descriptor, name, IN_OPEN | IN_ACCESS)
            assert watch >= 0

    def happened(self) -> bool:
        """Whether it was, since the beginning."""
        try:
            return bool(os.read(self._descriptor, 4096))
        except BlockingIOError:
            return False


def no_server_error(_: Any, response: Any, __: Any) -> None:
    """503 is documented; everything else is a fault of the daemon."""
    status = response.status_code
    assert status < SERVER_ERROR or status == UNAVAILABLE, (status, response.text[:500])


checks.load_all_checks()
CHECKS: tuple[Any, ...] = (
    no_server_error,
    *checks.CHECKS.get_by_names(
        [
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
        ]
    ),
)


def operations(target: Target) -> Iterator[schemathesis.APIOperation[Any, Any, Any, Any]]:
    """What the daemon says it offers."""
    _, document = target.ask("GET", "/api/v1/openapi.json")
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path not in FOR_EVER:
            yield operation


def fuzz(
    target: Target, operation: schemathesis.APIOperation[Any, Any, Any, Any], **headers: str
) -> list[int]:
    """Asks one operation many things; gives every status."""
    seen: list[int] = []
    url = f"http://127.0.0.1:{target.port}"
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    for mode in modes:

        @seed(7)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: schemathesis.Case[Any]) -> None:
            case.headers.update(headers)
            response = case.call(base_url=url, timeout=30)
            case.validate_response(response, checks=list(CHECKS))
            seen.append(response.status_code)

        with suppress(Unsatisfiable):  # nothing about some requests can be wrong
            one()
    return seen


def test_nothing_that_is_asked_is_a_fault(target: Target) -> None:
    """With every right, each operation answers as documented, and nothing outside is touched."""
    before, opened = entries(target.outside), Opened(target.outside)
    names = []
    for operation in operations(target):
        assert fuzz(target, operation, Authorization=f"Bearer {TOKEN}")
        names.append(operation.label)

    assert "POST /api/v1/triggers" in names
    assert "POST /api/v1/jobs/{job_id}/cancel" in names
    assert not opened.happened()
    assert entries(target.outside) == before
    assert {path.name for path in target.daemon.output.rglob("*.tflite")} == set()


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {READER}"}])
def test_nothing_is_written_without_the_right(target: Target, headers: dict[str, str]) -> None:
    """No token, and one for reading only, change nothing however the request looks."""
    before = asked_for(target)
    writing = [each for each in operations(target) if each.method.lower() != "get"]
    for operation in writing:
        assert set(fuzz(target, operation, **headers)) <= {401, 403, 404, 405, 422, 429}, (
            operation.label
        )

    assert len(writing) >= 5
    assert asked_for(target) == before


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"path": "{outside}/model"}},
        {"model": {"path": "../outside/model"}},
        {"model": {"path": "net/../../outside/model"}},
        {"model": {"path": "link"}},
        {"model": {"hub": "{outside}/model", "input_shape": [1, 4]}},
        {"model": {"hub": "file://{outside}/model", "input_shape": [1, 4]}},
        {"save_to": "../outside/set", "policy": {"override": {"variants": ["float32"]}}},
        {"save_to": "{outside}/set", "policy": {"override": {"variants": ["float32"]}}},
        {"policy": {"override": {"calibration": {"data": "{outside}/*.npz"}}}},
        {"policy": {"override": {"evaluation": {"data": "../outside/*.npz"}}}},
        {"policy": {"override": {"custom_objects": "{outside}/layers.py"}}},
        {"policy": {"override": {"hooks": {"published": ["/bin/touch", "{outside}/hooked"]}}}},
    ],
)
def test_no_path_leads_outside(target: Target, change: dict[str, Any]) -> None:
    """What points out of the roots or the output is refused by name, and nothing there is read."""
    link = target.daemon.root / "link"
    if not link.is_symlink():
        link.symlink_to(target.outside / "model")
    before, opened = entries(target.outside), Opened(target.outside)
    document = {"version": 1, "model": {"path": "net"}, **change}
    body = json.dumps(document).replace("{outside}", str(target.outside)).encode()
    status, told = target.ask("POST", "/api/v1/triggers", body, Authorization=f"Bearer {TOKEN}")

    assert (status, told["code"]) == (422, "trigger_refused"), told
    assert not opened.happened()
    assert entries(target.outside) == before


def test_a_trigger_over_tcp_is_one_job(target: Target) -> None:
    """The same id twice is the same job, with priority; force and cancel work over TCP too."""
    body = json.dumps({
        "version": 1, "id": "tcp-1", "model": {"path": "net"}, "priority": 9, "force": True,
    }).encode()  # fmt: skip
    authorised = {"Authorization": f"Bearer {TOKEN}"}
    status, first = target.ask("POST", "/api/v1/triggers", body, **authorised)
    again = target.ask("POST", "/api/v1/triggers", body, **authorised)[1]
    job = target.ask("GET", f"/api/v1/jobs/{first['job_id']}")[1]

    assert (status, first["is_duplicate"]) == (202, False)
    assert (again["job_id"], again["is_duplicate"]) == (first["job_id"], True)
    assert (job["priority"], job["is_forced"], job["trigger"]) == (9, True, "api")
    cancelled, _ = target.ask("POST", f"/api/v1/jobs/{job['id']}/cancel", **authorised)
    assert cancelled in {200, 409}  # its build may have ended by itself
    wait_until(
        lambda: (
            target.ask("GET", f"/api/v1/jobs/{job['id']}")[1]["state"] not in {"queued", "running"}
        ),
        60,
        what="the job's end",
    )
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
    connection.request("GET", f"/api/v1/jobs/{job['id']}/events")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line[:5] == "data:"]
    assert events[0]["state"] == "queued"
    assert events[-1]["state"] == target.ask("GET", f"/api/v1/jobs/{job['id']}")[1]["state"]
