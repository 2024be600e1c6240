"""Hooks: what they are told, and that nothing they do reaches a build."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fakes.samples import FAILURE, MODEL, a_job, a_publish_key, a_report
from tflited.domain.job import Failure
from tflited.domain.policy import Hooks, Policy
from tflited.domain.ports import Published
from tflited.domain.verdict import decide
from tflited.output import hooks
from tflited.output.hooks import HookThread
from tflited.output.records import manifest_of
from waiting import wait_until

WRITE = "import sys; open(sys.argv[1], 'a').write('|'.join(sys.argv[2:]) + '\\n')"


@pytest.fixture
def runner() -> Iterator[HookThread]:
    runner = HookThread()
    runner.start()
    yield runner
    assert runner.stop(deadline_seconds=60)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    report = a_report()
    manifest = manifest_of(a_job(), Policy(), a_publish_key(), report, decide(report, Policy()), ())
    return Published(directory=tmp_path / "set", manifest=manifest)


def writer(path: Path, *arguments: str) -> tuple[str, ...]:
    """A program that appends its arguments to a file."""
    return (sys.executable, "-c", WRITE, str(path), *arguments)


def drained(runner: HookThread) -> list[dict[str, Any]]:
    """Lets everything queued run; gives the log events."""
    with capture_logs() as events:
        runner.start()
        assert runner.stop(deadline_seconds=60)
    return [dict(event) for event in events]


def test_a_program_is_told_what_was_published(
    runner: HookThread, published: Published, tmp_path: Path
) -> None:
    """Placeholders are replaced in each argument, also inside a longer one."""
    out = tmp_path / "out"
    arguments = ("{manifest}", "--model={model}", "{output}", "{job}", "{code}", "{other}")
    runner.published(Hooks(published=writer(out, *arguments)), a_job(7), published)
    told = wait_until(lambda: out.exists() and out.read_text(), 60)
    place = published.directory
    assert told == f"{place}/manifest.json|--model={MODEL}|{place}|7||{{other}}\n"


def test_a_program_is_told_what_failed(runner: HookThread, tmp_path: Path) -> None:
    """The code and the message of the failure."""
    out = tmp_path / "out"
    runner.failed(Hooks(failed=writer(out, "{code}", "{message}")), a_job(), FAILURE)
    assert wait_until(lambda: out.exists() and out.read_text(), 60) == "worker|The child ended.\n"


def test_a_value_is_not_read_for_placeholders(runner: HookThread, tmp_path: Path) -> None:
    """A message with braces in it is passed on as it is."""
    out = tmp_path / "out"
    failure = Failure(code="x", message="{job} {model}")
    runner.failed(Hooks(failed=writer(out, "{message}")), a_job(), failure)
    assert wait_until(lambda: out.exists() and out.read_text(), 60) == "{job} {model}\n"


def test_without_a_hook_nothing_runs(published: Published) -> None:
    """The usual case costs a comparison."""
    runner = HookThread()
    runner.published(Hooks(), a_job(), published)
    runner.failed(Hooks(), a_job(), FAILURE)
    assert drained(runner) == []


def test_hooks_run_in_order_on_one_named_thread(tmp_path: Path) -> None:
    """The second waits for the first."""
    out = tmp_path / "out"
    runner = HookThread()
    for number in range(5):
        runner.failed(Hooks(failed=writer(out, "{job}")), a_job(number), FAILURE)
    runner.start()
    assert hooks.THREAD_NAME in {thread.name for thread in threading.enumerate()}
    assert runner.stop(deadline_seconds=60)
    assert out.read_text().split() == ["0", "1", "2", "3", "4"]
    assert hooks.THREAD_NAME not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (("/no/such/program",), "No such file"),
        ((sys.executable, "-c", "import sys; sys.exit('sorry')"), "exit code 1"),
        ((sys.executable, "\0"), "null byte"),
        ("ftp://example.org/", "http"),
        ("http://[broken", "IPv6"),
        ("http://127.0.0.1:1/", "refused"),
    ],
)
def test_a_hook_that_fails_is_a_log_event(hook: tuple[str, ...] | str, reason: str) -> None:
    """Whatever goes wrong, the next hook runs and nobody is disturbed."""
    runner = HookThread()
    runner.failed(Hooks(failed=hook), a_job(3), FAILURE)
    runner.failed(Hooks(failed=(sys.executable, "-c", "print('fine')")), a_job(4), FAILURE)
    first, second = drained(runner)
    assert (first["event"], first["job_id"], first["hook"]) == ("hook_failed", 3, "failed")
    assert reason in first["reason"]
    assert (second["event"], second["output"]) == ("hook_finished", "fine\n")


def test_what_a_failing_program_wrote_is_logged() -> None:
    """The operator sees why."""
    runner = HookThread()
    hook = (sys.executable, "-c", "import sys; sys.exit('sorry')")
    runner.failed(Hooks(failed=hook), a_job(), FAILURE)
    (event,) = drained(runner)
    assert event["output"] == "sorry\n"
    assert event["log_level"] == "warning"


def test_a_slow_program_is_killed() -> None:
    """Its time is part of the policy."""
    runner = HookThread()
    hook = (sys.executable, "-c", "import signal; signal.pause()")
    runner.failed(Hooks(failed=hook, timeout_seconds=0.2), a_job(), FAILURE)
    (event,) = drained(runner)
    assert event["reason"] == "killed"


def test_a_full_queue_drops_and_says_so() -> None:
    """A builder never waits for a hook."""
    runner = HookThread(queue_limit=1)
    hook = Hooks(failed=(sys.executable, "-c", "pass"))
    with capture_logs() as events:
        runner.failed(hook, a_job(1), FAILURE)
        runner.failed(hook, a_job(2), FAILURE)
    assert [(event["event"], event["job_id"]) for event in events] == [("hook_dropped", 2)]
    assert len(drained(runner)) == 1


def test_stopping_kills_what_hangs_and_drops_the_rest(tmp_path: Path) -> None:
    """The daemon's end does not depend on a hook's."""
    started, out = tmp_path / "started", tmp_path / "out"
    hang = f"open({str(started)!r}, 'w').close(); import signal; signal.pause()"
    runner = HookThread()
    runner.failed(Hooks(failed=(sys.executable, "-c", hang), timeout_seconds=300), a_job(), FAILURE)
    runner.failed(Hooks(failed=writer(out)), a_job(), FAILURE)
    runner.start()
    wait_until(started.exists, 60)
    assert runner.stop(deadline_seconds=0.1)
    assert not out.exists()


def test_a_runner_that_was_never_started_stops() -> None:
    """A start that failed half way still ends cleanly."""
    assert HookThread().stop(deadline_seconds=1)


class Receiver(HTTPServer):
    """Keeps what is posted to it."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = status
        self.posted: list[tuple[str, dict[str, Any]]] = []

    @property
    def address(self) -> str:
        """An address with a secret in it."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook?token=secret"


class Handler(BaseHTTPRequestHandler):
    """Answers with the receiver's status."""

    def do_POST(self) -> None:
        """Keeps the document."""
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with Receiver(getattr(request, "param", 204)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="receiver")
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


def test_an_address_gets_the_facts_as_json(receiver: Receiver, published: Published) -> None:
    """The event, the model, the job and where the set is."""
    runner = HookThread()
    runner.published(Hooks(published=receiver.address), a_job(7), published)
    (event,) = drained(runner)
    assert receiver.posted == [
        (
            "application/json",
            {
                "event": "published",
                "model": str(MODEL),
                "job": "7",
                "output": str(published.directory),
                "manifest": str(published.directory / "manifest.json"),
            },
        )
    ]
    assert (event["event"], event["status"]) == ("hook_finished", 204)


@pytest.mark.parametrize("receiver", [500, 404], indirect=True)
def test_an_address_that_says_no_is_a_log_event(receiver: Receiver) -> None:
    """With its status and without the secret in the address."""
    runner = HookThread()
    runner.failed(Hooks(failed=receiver.address), a_job(), FAILURE)
    (event,) = drained(runner)
    assert event["event"] == "hook_failed"
    assert str(receiver.status) in event["reason"]
    assert "secret" not in repr(event)


def test_a_stopped_runner_leaves_no_process(tmp_path: Path) -> None:
    """The killed hook is reaped."""
    started = tmp_path / "pid"
    code = f"import os, signal; open({str(started)!r}, 'w').write(str(os.getpid())); signal.pause()"
    runner = HookThread()
    runner.failed(Hooks(failed=(sys.executable, "-c", code), timeout_seconds=300), a_job(), FAILURE)
    runner.start()
    process = int(wait_until(lambda: started.exists() and started.read_text(), 60))
    assert runner.stop(deadline_seconds=0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(process, signal.SIG_DFL)
