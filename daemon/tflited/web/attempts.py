"""What the children of a job's attempts said: as records for programs, as text for people."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from pydantic import TypeAdapter

from tflited.domain.attempt_record import AttemptRecord, as_text
from tflited.domain.control import Control
from tflited.web.answers import RequestError, answer
from tflited.web.found import JobId, find_job
from tflited.web.openapi import refusals

_RECORDS: TypeAdapter[tuple[AttemptRecord, ...]] = TypeAdapter(tuple[AttemptRecord, ...])
_AS_TEXT = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}

Attempt = Annotated[int, Path(ge=1, le=10**9)]
_TEXT: Final[dict[str, Any]] = {"description": "What was said.", "content": {"text/plain": {}}}


def attempts(control: Control) -> APIRouter:
    """The routes; hostile words among the answers are printable, and never HTML."""
    routes = APIRouter()

    @routes.get(
        "/jobs/{job_id}/attempts", response_model=list[AttemptRecord], responses=refusals(404)
    )
    def records(job_id: JobId) -> Response:
        find_job(control, job_id)
        return answer(_RECORDS, tuple(control.attempts(job_id)))

    @routes.get(
        "/jobs/{job_id}/attempts/{attempt}/log",
        response_class=Response,
        responses={**refusals(404), 200: _TEXT},
    )
    def log(job_id: JobId, attempt: Attempt) -> Response:
        find_job(control, job_id)
        for record in control.attempts(job_id):
            if record.attempt == attempt:
                text = as_text(record).encode(errors="backslashreplace")
                return Response(text, headers=_AS_TEXT)
        message = f"job {job_id}, attempt {attempt}: there is no record"
        hint = f"GET /api/v1/jobs/{job_id}/attempts lists those that are kept"
        raise RequestError(404, "no_such_attempt", message, hint=hint)

    return routes
