"""Records of attempts on a real disk: what is kept, and what goes first."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fakes.engine import FixedClock
from fakes.samples import FAILURE, MODEL, NOON
from tflited import durable
from tflited.domain.attempt import AttemptResult, ChildRecord, ChildTask
from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.model import ModelId
from tflited.domain.policy import Variant
from tflited.errors import StorageFailedError
from tflited.store.attempt_records import AttemptFolder, Bounds


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "attempts"


def a_record(job_id: int, attempt: int = 1, said: str = "words") -> AttemptRecord:
    child = ChildRecord(
        task=ChildTask.CONVERT,
        given_up=(Variant.INT8,),
        result=AttemptResult.CRASH,
        failure=FAILURE,
        seconds=1.5,
        said=said,
    )
    return AttemptRecord(
        job_id=job_id,
        attempt=attempt,
        model=MODEL,
        policy="mobile",
        ended_at=NOON,
        seconds=2.5,
        failure=FAILURE,
        children=(child, replace(child, task=ChildTask.PROVE, failure=None)),
    )


def test_a_record_comes_back_as_it_was(folder: Path, clock: FixedClock) -> None:
    """Also after a restart, and with a name that is no UTF-8."""
    odd = replace(a_record(7), model=ModelId(root="zoo", path="caf\udce9\n"))
    AttemptFolder(folder, clock).keep(odd)
    assert AttemptFolder(folder, clock).of_job(7) == [odd]


def test_a_jobs_records_are_in_order(folder: Path, clock: FixedClock) -> None:
    """By number, not by text, and of that job alone."""
    records = AttemptFolder(folder, clock)
    for attempt in range(1, 12):
        records.keep(a_record(7, attempt))
    records.keep(a_record(77))
    assert [each.attempt for each in records.of_job(7)] == list(range(1, 12))
    assert records.of_job(8) == []


def test_a_job_that_begins_anew_loses_its_old_records(folder: Path, clock: FixedClock) -> None:
    """``retry`` counts from 1 again; what was said before it would stand in the wrong order."""
    records = AttemptFolder(folder, clock)
    for attempt in (1, 2, 3):
        records.keep(a_record(7, attempt, "old"))
    records.keep(a_record(7, 1, "new"))
    assert [(each.attempt, each.children[0].said) for each in records.of_job(7)] == [(1, "new")]
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [(Bounds(records=3), {3, 4, 5}), (Bounds(bytes=30_000), {4, 5}), (Bounds(), {1, 2, 3, 4, 5})],
)
def test_the_oldest_go_first(
    folder: Path, clock: FixedClock, bounds: Bounds, kept: set[int]
) -> None:
    """Beyond the count, or the bytes of all together; on disk as in memory."""
    records = AttemptFolder(folder, clock, bounds)
    for job_id in range(1, 6):
        clock.advance(1)
        records.keep(a_record(job_id, said="x" * 5_000))
    assert {job for job in range(1, 6) if records.of_job(job)} == kept
    assert len(list(folder.iterdir())) == len(kept)


def test_what_is_too_old_goes(folder: Path, clock: FixedClock) -> None:
    """With the next record that is kept."""
    records = AttemptFolder(folder, clock, Bounds(age=timedelta(seconds=10)))
    records.keep(a_record(1))
    clock.advance(9)
    records.keep(a_record(2))
    clock.advance(9)
    records.keep(a_record(3))
    assert [job for job in (1, 2, 3) if records.of_job(job)] == [2, 3]


def test_age_outlives_a_restart(folder: Path, clock: FixedClock) -> None:
    """It is the file's own time that counts then."""
    AttemptFolder(folder, clock).keep(a_record(1))
    old = NOON.timestamp() - 31 * 86_400
    os.utime(folder / "1-1.json", (old, old))
    again = AttemptFolder(folder, clock)
    again.keep(a_record(2))
    assert (again.of_job(1), len(again.of_job(2))) == ([], 1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"job_id": 1}', b"\xff"])
def test_a_damaged_record_costs_itself(folder: Path, clock: FixedClock, content: bytes) -> None:
    """The others of the job are shown."""
    records = AttemptFolder(folder, clock)
    records.keep(a_record(7, 1))
    records.keep(a_record(7, 2))
    (folder / "7-1.json").write_bytes(content)
    assert [each.attempt for each in records.of_job(7)] == [2]


def test_what_cannot_be_kept_is_told(folder: Path, clock: FixedClock) -> None:
    """A file in the folder's place: the attempt goes on without its record."""
    folder.write_text("")
    with capture_logs() as log:
        AttemptFolder(folder, clock).keep(a_record(7))
    (event,) = log
    assert (event["event"], event["log_level"]) == ("attempt_record_lost", "warning")
    assert "attempts" in event["reason"]


def test_strangers_in_the_folder_stay(folder: Path, clock: FixedClock) -> None:
    """Nothing is removed that no record's name has; what an interrupted write left is swept."""
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / ".tflited-0.tmp").write_text("half")
    records = AttemptFolder(folder, clock, Bounds(records=1))
    records.keep(a_record(1))
    records.keep(a_record(2))
    assert {path.name for path in folder.iterdir()} == {"notes.txt", "2-1.json"}


def test_a_start_removes_what_a_cut_left(folder: Path, clock: FixedClock) -> None:
    """Also where no attempt follows that would."""
    folder.mkdir(parents=True, exist_ok=True)
    left = folder / ".tflited-0123456789abcdef.tmp"
    left.touch()
    AttemptFolder(folder, clock).sweep()
    assert not left.exists()


def test_a_failed_sync_is_not_passed_over(
    folder: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on disk is unknown then: the daemon has to end, also over a record."""

    def failed(*_: object, **__: object) -> None:
        raise StorageFailedError("fsync: Input/output error.")

    monkeypatch.setattr(durable, "write", failed)
    with pytest.raises(StorageFailedError):
        AttemptFolder(folder, clock).keep(a_record(7))
