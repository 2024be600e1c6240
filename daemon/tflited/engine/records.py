"""Makes the record of an attempt that ended, before anybody hears of the end."""

from collections.abc import Callable
from dataclasses import replace

from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.ports import AttemptRecords, Clock
from tflited.engine.attempt import failure_of
from tflited.engine.messages import AttemptEnded
from tflited.errors import StorageFailedError


def recording(
    records: AttemptRecords, clock: Clock, then: Callable[[AttemptEnded], None]
) -> Callable[[AttemptEnded], None]:
    """What is to be told of an attempt's end: keeps its record, then passes it on."""

    def ended(attempt: AttemptEnded) -> None:
        record = AttemptRecord(
            job_id=attempt.job.id,
            attempt=attempt.job.attempts,
            model=attempt.job.model,
            policy=attempt.job.policy_name,
            ended_at=clock.now(),
            seconds=attempt.seconds,
            failure=attempt.failure,
            children=attempt.children,
        )
        try:
            records.keep(record)
        except StorageFailedError as error:  # ends the daemon, which the engine does
            attempt = replace(attempt, failure=failure_of(error))
        then(attempt)

    return ended
