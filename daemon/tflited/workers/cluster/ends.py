"""The names of the ends that only a cluster has, as outcomes with their next step."""

from typing import Final

from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.job import Failure
from tflited.errors import TflitedError, WorkerError
from tflited.workers.wire import DAEMON_CODES, printable

_LONGEST_TEXT: Final = 500


def engine_lost(how: str) -> AttemptOutcome:
    """The cluster went away under the attempt, which says nothing about the model."""
    return AttemptOutcome(
        result=AttemptResult.ENGINE_LOST,
        failure=Failure(
            code="engine_lost",
            message=f"The cluster was lost while the attempt ran: {_text(how)}.",
            hint="It is tried again once the cluster is back; /readyz tells what is missing.",
            is_retryable=True,
        ),
    )


def worker_lost(worker: str, how: str) -> AttemptOutcome:
    """The worker that had the attempt ended, fell silent, or talked nonsense."""
    return AttemptOutcome(
        result=AttemptResult.WORKER_LOST,
        failure=Failure(
            code="worker_lost",
            message=f"The attempt was lost with its worker {_text(worker)}: {_text(how)}.",
            hint="It is tried again, elsewhere if there are others; the worker's log tells why.",
            is_retryable=True,
        ),
    )


def failed(error: TflitedError) -> AttemptOutcome:
    """The attempt could not be carried to a worker or back; nothing of it is the model's fault."""
    is_workers = error.code in DAEMON_CODES
    return AttemptOutcome(
        result=AttemptResult.ERROR,
        failure=Failure(
            code=WorkerError.code if is_workers else error.code,
            message=error.message,
            hint=error.hint,
            is_retryable=is_workers or error.retryable,
        ),
    )


def _text(value: str) -> str:
    return printable(" ".join(value.split())[:_LONGEST_TEXT]).rstrip(".")
