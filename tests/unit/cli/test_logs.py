"""``tflited logs``."""

import json
from collections.abc import Callable

import pytest

from fakes.control import MODEL, NOW
from fakes.http_client import Daemon
from tflited.domain.attempt import AttemptResult, ChildRecord, ChildTask
from tflited.domain.attempt_record import AttemptRecord, as_text

Run = Callable[..., tuple[int, str, str]]


def a_record(attempt: int) -> AttemptRecord:
    child = ChildRecord(
        task=ChildTask.CONVERT, result=AttemptResult.OK, seconds=1.0, said=f"attempt {attempt} says"
    )
    return AttemptRecord(
        job_id=1,
        attempt=attempt,
        model=MODEL,
        policy="mobile",
        ended_at=NOW,
        seconds=2.0,
        children=(child,),
    )


@pytest.fixture
def records(daemon: Daemon) -> list[AttemptRecord]:
    """Two attempts of job 1."""
    daemon.control.records = [a_record(1), a_record(2)]
    return daemon.control.records


def test_every_attempt_in_order(records: list[AttemptRecord], run: Run) -> None:
    """One after the other, an empty line between."""
    code, out, _ = run("logs", "1")
    assert code == 0
    assert out == "\n".join(map(as_text, records))


def test_one_attempt(records: list[AttemptRecord], run: Run) -> None:
    """The one that was asked for."""
    assert run("logs", "1", "--attempt", "2")[1] == as_text(records[1])


@pytest.mark.usefixtures("records")
def test_json_for_scripts(run: Run) -> None:
    """The records as the API gives them."""
    (entry,) = json.loads(run("logs", "1", "--attempt", "1", "--json")[1])
    assert entry["children"][0]["said"] == "attempt 1 says"


@pytest.mark.usefixtures("records")
def test_an_attempt_without_a_record_names_those_there_are(run: Run) -> None:
    """A usage error."""
    code, out, err = run("logs", "1", "--attempt", "9")
    assert (code, out) == (2, "")
    assert "attempt 9" in err
    assert "1, 2" in err


@pytest.mark.usefixtures("daemon")
def test_a_job_that_has_not_run(run: Run) -> None:
    """Says that there is nothing yet."""
    code, _, err = run("logs", "2")
    assert code == 2
    assert "not run yet" in err
