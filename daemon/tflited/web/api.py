"""The HTTP interface: every path, what it asks of the engine, and the answer's form."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from tflited.domain.access import HttpRules
from tflited.domain.control import Control
from tflited.domain.job import Job, JobState, TriggerSource
from tflited.domain.status import Explanation, HealthCheck, PlanEntry, Status
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import TflitedError, UsageError
from tflited.web.access import Access
from tflited.web.answers import RequestError, answer, health, refuse, refuse_error
from tflited.web.attempts import attempts
from tflited.web.body import read_body
from tflited.web.doors import doors
from tflited.web.found import JobId, find_job
from tflited.web.guard import KnownHosts, is_from_socket
from tflited.web.model_pages import model_pages
from tflited.web.offers import Offers
from tflited.web.openapi import describe, refusals, trigger_body
from tflited.web.overview import overview
from tflited.web.paths import asked_path
from tflited.web.site import assets, refusal_page, wants_page
from tflited.web.streams import Streams
from tflited.web.tokens import Token
from tflited.web.why_page import why_page

MAX_TRIGGER_BYTES: Final = 64 * 1024
MAX_JOBS: Final = 1000
_STATUS: TypeAdapter[Status] = TypeAdapter(Status)
_EXPLANATION: TypeAdapter[Explanation] = TypeAdapter(Explanation)
_PLAN: TypeAdapter[tuple[PlanEntry, ...]] = TypeAdapter(tuple[PlanEntry, ...])
_JOBS: TypeAdapter[tuple[Job, ...]] = TypeAdapter(tuple[Job, ...])
_JOB: TypeAdapter[Job] = TypeAdapter(Job)
_RECEIPT: TypeAdapter[TriggerReceipt] = TypeAdapter(TriggerReceipt)
_COUNT: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, int])

Render = Callable[[str], tuple[bytes, str]]


def create_app(
    control: Control,
    render_metrics: Render,
    *,
    version: str,
    rules: HttpRules | None = None,
    tokens: Iterable[Token] = (),
    offers: Offers | None = None,
) -> FastAPI:
    """Builds the application; ``app.state.streams`` must be closed before its server stops.

    Args:
        control: the engine; its methods are called from a pool of threads.
        render_metrics: gives the exposition and its content type for an ``Accept`` header.
        version: the daemon's version, for the OpenAPI document.
        rules: who may ask, and how much.
        tokens: who may write over TCP, or come from elsewhere.
        offers: what is handed out beside the engine's answers.
    """
    rules, offers = rules or HttpRules(), offers or Offers()
    access, streams = Access(rules, tokens), Streams(control, rules.max_event_streams)
    # The framework's own pages would fetch scripts from a foreign host.
    app = FastAPI(title="tflited", version=version, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.streams = streams
    app.add_middleware(KnownHosts, hosts=rules.hosts)
    reads, writes = [Depends(access.read)], [Depends(access.write)]
    app.include_router(_health(control))
    app.include_router(_metrics(render_metrics), dependencies=reads, responses=refusals())
    app.include_router(assets())
    for page in (overview(control), model_pages(control), why_page(control)):
        app.include_router(page, dependencies=reads, responses=refusals())
    app.include_router(doors(control, access, offers))
    api = APIRouter(prefix="/api/v1", responses=refusals())
    for routes in (_reading(control), _jobs(control, streams), attempts(control)):
        api.include_router(routes, dependencies=reads)
    for routes in (_triggering(control), _writing(control)):
        api.include_router(routes, dependencies=writes)
    app.include_router(api)

    @app.get("/api/v1/openapi.json", include_in_schema=False, dependencies=reads)
    def openapi() -> dict[str, Any]:
        return describe(app, offers.trigger_schema)

    app.add_exception_handler(TflitedError, _on_tflited_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(Exception, _on_unexpected)
    return app


def _metrics(render_metrics: Render) -> APIRouter:
    routes = APIRouter()

    @routes.get("/metrics", response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        body, content_type = render_metrics(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return routes


def _health(control: Control) -> APIRouter:
    """Probes need no token: they tell nothing but a state."""
    told: dict[int | str, dict[str, Any]] = {
        403: refusals()[403],
        503: {"description": "Not alive or not ready.", "content": {"text/plain": {}}},
    }
    routes = APIRouter(responses=told, default_response_class=PlainTextResponse)

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

    @routes.get("/status", response_model=Status)
    def status(*, models: bool = True) -> Response:
        return answer(_STATUS, control.status() if models else control.board().status)

    @routes.get("/why", response_model=Explanation)
    def why(request: Request, path: str) -> Response:
        return answer(_EXPLANATION, control.why(asked_path(request) or path))

    @routes.get("/plan", response_model=list[PlanEntry])
    def plan() -> Response:
        return answer(_PLAN, tuple(control.plan()))

    return routes


def _jobs(control: Control, streams: Streams) -> APIRouter:
    routes = APIRouter()
    stream = {"description": "Server-sent events.", "content": {"text/event-stream": {}}}

    @routes.get("/jobs", response_model=list[Job])
    def jobs(
        state: Annotated[list[JobState], Query(default_factory=list)],
        limit: Annotated[int, Query(ge=1, le=MAX_JOBS)] = 50,
    ) -> Response:
        return answer(_JOBS, tuple(control.jobs(states=tuple(state), limit=limit)))

    @routes.get("/jobs/{job_id}", response_model=Job, responses=refusals(404))
    def job(job_id: JobId) -> Response:
        return answer(_JOB, find_job(control, job_id))

    @routes.get(
        "/jobs/{job_id}/events",
        response_class=StreamingResponse,
        responses={**refusals(404), 200: stream},
    )
    async def events_of(request: Request, job_id: JobId) -> Response:
        await run_in_threadpool(find_job, control, job_id)
        return await streams.open(request, job_id)

    @routes.get("/events", response_class=StreamingResponse, responses={200: stream})
    async def events(request: Request) -> Response:
        return await streams.open(request, None)

    return routes


def _triggering(control: Control) -> APIRouter:
    routes = APIRouter()

    @routes.post(
        "/triggers",
        status_code=202,
        response_model=TriggerReceipt,
        responses=refusals(408, 413),
        openapi_extra=trigger_body(),
    )
    async def trigger(request: Request) -> Response:
        body = await read_body(request, "trigger", most=MAX_TRIGGER_BYTES)
        is_cli = request.headers.get("x-tflited-source", "").lower() == "cli"
        is_local = is_cli and is_from_socket(request.scope)
        source = TriggerSource.CLI if is_local else TriggerSource.API
        receipt = await run_in_threadpool(control.submit, body, source)
        if receipt.is_accepted:
            location = {"Location": f"/api/v1/jobs/{receipt.job_id}"}
            return answer(_RECEIPT, receipt, status=202, headers=location)
        return refuse(422, "trigger_refused", receipt.reason, "")

    return routes


def _writing(control: Control) -> APIRouter:
    routes = APIRouter()

    @routes.post("/jobs/{job_id}/retry", response_model=Job, responses=refusals(404, 409))
    def retry(job_id: JobId) -> Response:
        find_job(control, job_id)
        return answer(_JOB, control.retry(job_id))

    @routes.post("/jobs/{job_id}/discard", response_model=Job, responses=refusals(404, 409))
    def discard(job_id: JobId) -> Response:
        find_job(control, job_id)
        return answer(_JOB, control.discard(job_id))

    @routes.post("/jobs/{job_id}/cancel", response_model=Job, responses=refusals(404, 409))
    def cancel(job_id: JobId) -> Response:
        find_job(control, job_id)
        return answer(_JOB, control.cancel(job_id))

    @routes.post("/reload", response_model=dict[str, int])
    def reload() -> Response:
        control.reload()
        return answer(_COUNT, {})

    @routes.post("/roots/{name}/confirm", response_model=dict[str, int], responses=refusals(404))
    def confirm(name: str) -> Response:
        try:
            count = control.confirm(name)
        except UsageError as error:
            raise RequestError(404, "no_such_root", error.message, hint=error.hint) from error
        return answer(_COUNT, {"confirmed": count})

    @routes.post("/rebuild-stale", response_model=dict[str, int])
    def rebuild_stale() -> Response:
        return answer(_COUNT, {"queued": control.rebuild_stale()})

    return routes


def _on_tflited_error(request: Request, error: Exception) -> Response:
    told = cast("TflitedError", error)
    refused = refuse_error(told)
    if not wants_page(request):
        return refused
    return refusal_page(request, refused, told.message, told.hint)


def _on_http_error(request: Request, error: Exception) -> Response:
    told = cast("HTTPException", error)
    message = f"{request.method} {request.url.path}: {told.detail}"
    refused = refuse(told.status_code, "http", message, headers=told.headers)
    return refusal_page(request, refused, message) if wants_page(request) else refused


def _on_bad_request(request: Request, error: Exception) -> Response:
    problems = cast("RequestValidationError", error).errors()
    told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems)
    message = f"{request.method} {request.url.path}: {told}"
    refused = refuse(422, "usage", message)
    return refusal_page(request, refused, message) if wants_page(request) else refused


def _on_unexpected(request: Request, _: Exception) -> Response:
    # Starlette raises the error again after this answer, so uvicorn logs it with its traceback.
    message = f"{request.method} {request.url.path}: an error inside the daemon"
    return refuse(500, "internal", message, "the daemon's log has the details")
