"""Finds the job that a path names, or refuses."""

from typing import Annotated, Final

from fastapi import Path

from tflited.domain.control import Control
from tflited.domain.job import Job
from tflited.web.answers import RequestError

LARGEST_ID: Final = 2**63 - 1
"""What SQLite's INTEGER holds."""

JobId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


def find_job(control: Control, job_id: int) -> Job:
    """The job with that number.

    Raises:
        RequestError: there is none.
    """
    job = control.job(job_id)
    if job is None:
        hint = "tflited jobs lists them, as does GET /api/v1/jobs"
        raise RequestError(404, "no_such_job", f"job {job_id}: there is none", hint=hint)
    return job
