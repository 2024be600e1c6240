"""The HTTP interface: every path, what it asks of the engine, and the answer's form."""

from collections.abc import Callable
from typing import Annotated, Final, cast
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from tflited.domain.control import Control
from tflited.domain.job import Job, JobState, TriggerSource
from tflited.domain.status import Explanation, HealthCheck, PlanEntry, Status
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import TflitedError
from tflited.web.answers import RequestError, answer, health, refuse, refuse_error
from tflited.web.guard import LocalRequests, require_unix_socket

MAX_TRIGGER_BYTES: Final = 64 * 1024
MAX_JOBS: Final = 1000

_STATUS: TypeAdapter[Status] = TypeAdapter(Status)
_EXPLANATION: TypeAdapter[Explanation] = TypeAdapter(Explanation)
_PLAN: TypeAdapter[tuple[PlanEntry, ...]] = TypeAdapter(tuple[PlanEntry, ...])
_JOBS: TypeAdapter[tuple[Job, ...]] = TypeAdapter(tuple[Job, ...])
_JOB: TypeAdapter[Job] = TypeAdapter(Job)
_RECEIPT: TypeAdapter[TriggerReceipt] = TypeAdapter(TriggerReceipt)
_COUNT: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, int])


def create_app(
    control: Control, render_metrics: Callable[[str], tuple[bytes, str]], *, version: str
) -> FastAPI:
    """Builds the application.

    Args:
        control: the engine; its methods are called from a pool of threads.
        render_metrics: gives the exposition and its content type for an ``Accept`` header.
        version: the daemon's version, for the OpenAPI document.
    """
    app = FastAPI(
        title="tflited",
        version=version,
        docs_url=None,  # the pages would fetch scripts from a foreign host
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.add_middleware(LocalRequests)
    app.include_router(_monitoring(control, render_metrics))
    app.include_router(_reading(control), prefix="/api/v1")
    app.include_router(_triggering(control), prefix="/api/v1")
    app.include_router(_writing(control), prefix="/api/v1")
    app.add_exception_handler(TflitedError, _on_tflited_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(Exception, _on_unexpected)
    return app


def _monitoring(control: Control, render_metrics: Callable[[str], tuple[bytes, str]]) -> APIRouter:
    routes = APIRouter()

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        body, content_type = render_metrics(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    @routes.get("/livez")
    @routes.get("/healthz")
    async def livez(request: Request) -> Response:
        # On the event loop: calls that hang may take every thread of the pool, and still the
        # answer to "is it alive" must come.
        reason = "the engine's loop did not advance within the watchdog limit"
        check = HealthCheck(name="engine", is_ok=control.is_alive(), reason=reason)
        return health([check], is_verbose="verbose" in request.query_params)

    @routes.get("/readyz")
    def readyz(request: Request) -> Response:
        excluded = set(request.query_params.getlist("exclude"))
        checks = [check for check in control.readiness() if check.name not in excluded]
        return health(checks, is_verbose="verbose" in request.query_params)

    return routes


def _reading(control: Control) -> APIRouter:
    routes = APIRouter()

    @routes.get("/status")
    def status() -> Response:
        return answer(_STATUS, control.status())

    @routes.get("/why")
    def why(request: Request, path: str) -> Response:
        return answer(_EXPLANATION, control.why(_path_of(request) or path))

    @routes.get("/plan")
    def plan() -> Response:
        return answer(_PLAN, tuple(control.plan()))

    @routes.get("/jobs")
    def jobs(
        state: Annotated[list[JobState], Query(default_factory=list)],
        limit: Annotated[int, Query(ge=1, le=MAX_JOBS)] = 50,
    ) -> Response:
        return answer(_JOBS, tuple(control.jobs(states=tuple(state), limit=limit)))

    @routes.get("/jobs/{job_id}")
    def job(job_id: int) -> Response:
        return answer(_JOB, _find(control, job_id))

    return routes


def _triggering(control: Control) -> APIRouter:
    routes = APIRouter(dependencies=[Depends(require_unix_socket)])

    @routes.post("/triggers")
    async def trigger(request: Request) -> Response:
        body = await _read_body(request)
        is_cli = request.headers.get("x-tflited-source", "").lower() == "cli"
        source = TriggerSource.CLI if is_cli else TriggerSource.API
        receipt = await run_in_threadpool(control.submit, body, source)
        if receipt.is_accepted:
            return answer(_RECEIPT, receipt, status=202)
        return refuse(422, "trigger_refused", receipt.reason, "")

    return routes


def _writing(control: Control) -> APIRouter:
    routes = APIRouter(dependencies=[Depends(require_unix_socket)])

    @routes.post("/jobs/{job_id}/retry")
    def retry(job_id: int) -> Response:
        _find(control, job_id)
        return answer(_JOB, control.retry(job_id))

    @routes.post("/jobs/{job_id}/discard")
    def discard(job_id: int) -> Response:
        _find(control, job_id)
        return answer(_JOB, control.discard(job_id))

    @routes.post("/jobs/{job_id}/cancel")
    def cancel(job_id: int) -> Response:
        _find(control, job_id)
        return answer(_JOB, control.cancel(job_id))

    @routes.post("/reload")
    def reload() -> Response:
        control.reload()
        return answer(_COUNT, {})

    @routes.post("/rebuild-stale")
    def rebuild_stale() -> Response:
        return answer(_COUNT, {"queued": control.rebuild_stale()})

    return routes


def _path_of(request: Request) -> str:
    """The query's ``path`` byte for byte, where the framework replaces what is not UTF-8."""
    query = bytes(request.scope["query_string"]).decode("ascii", "surrogateescape")
    return parse_qs(query, errors="surrogateescape").get("path", [""])[-1]


async def _read_body(request: Request) -> bytes:
    """The body, given up as soon as it is too long; the declared length may lie."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_TRIGGER_BYTES:
            message = f"trigger: observed more than {MAX_TRIGGER_BYTES} bytes, allowed that many"
            raise RequestError(413, "too_large", message)
    return bytes(body)


def _find(control: Control, job_id: int) -> Job:
    job = control.job(job_id)
    if job is None:
        hint = "tflited jobs lists them, as does GET /api/v1/jobs"
        raise RequestError(404, "no_such_job", f"job {job_id}: there is none", hint=hint)
    return job


def _on_tflited_error(_: Request, error: Exception) -> Response:
    return refuse_error(cast("TflitedError", error))


def _on_http_error(request: Request, error: Exception) -> Response:
    status, detail = cast("HTTPException", error).status_code, cast("HTTPException", error).detail
    return refuse(status, "http", f"{request.method} {request.url.path}: {detail}")


def _on_bad_request(request: Request, error: Exception) -> Response:
    problems = cast("RequestValidationError", error).errors()
    told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems)
    return refuse(422, "usage", f"{request.method} {request.url.path}: {told}")


def _on_unexpected(request: Request, _: Exception) -> Response:
    # Starlette raises the error again after this answer, so uvicorn logs it with its traceback.
    message = f"{request.method} {request.url.path}: an error inside the daemon"
    return refuse(500, "internal", message, "the daemon's log has the details")
