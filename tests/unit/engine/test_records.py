"""The record of an attempt that ended, made before its end is told."""

from collections.abc import Sequence

from fakes.engine import FixedClock
from fakes.samples import a_job
from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.policy import Policy
from tflited.engine.messages import AttemptEnded
from tflited.engine.records import recording
from tflited.errors import StorageFailedError


class Records:
    """Keeps records in a list, or fails."""

    def __init__(self, error: StorageFailedError | None = None) -> None:
        self.kept: list[AttemptRecord] = []
        self._error = error

    def keep(self, record: AttemptRecord) -> None:
        """Keeps it."""
        if self._error is not None:
            raise self._error
        self.kept.append(record)

    def of_job(self, job_id: int) -> Sequence[AttemptRecord]:
        """Those of one job."""
        return [record for record in self.kept if record.job_id == job_id]


def test_an_end_is_kept_and_told() -> None:
    """The record is there before the engine hears of the end."""
    records, job = Records(), a_job(7)
    told: list[int] = []
    ended = recording(records, FixedClock(), lambda _: told.append(len(records.kept)))
    ended(AttemptEnded(job=job, policy=Policy(), seconds=2.5))
    assert told == [1]
    (record,) = records.of_job(7)
    assert (record.model, record.attempt, record.seconds) == (job.model, job.attempts, 2.5)


def test_a_failed_sync_becomes_the_attempts_failure() -> None:
    """The end is told all the same, and ends the daemon."""
    told: list[AttemptEnded] = []
    error = StorageFailedError("fsync: Input/output error.")
    recording(Records(error), FixedClock(), told.append)(AttemptEnded(job=a_job(), policy=Policy()))
    (ended,) = told
    assert ended.failure is not None
    assert ended.failure.code == StorageFailedError.code
