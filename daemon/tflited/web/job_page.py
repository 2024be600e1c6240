"""Serves the page of one job."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from tflited.domain.control import Control
from tflited.domain.download import SetReader
from tflited.domain.job import Job
from tflited.domain.manifest import Manifest
from tflited.pages.job_page import JobView, page
from tflited.web.found import JobId, find_job
from tflited.web.sent import SentDocuments
from tflited.web.site import html


def job_page(control: Control, sets: SetReader | None, documents: SentDocuments) -> APIRouter:
    """The route of the page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/jobs/{job_id}", response_class=HTMLResponse)
    async def job(request: Request, job_id: JobId) -> Response:
        view = await run_in_threadpool(_view, job_id)
        return html(request, page(view))

    def _view(job_id: int) -> JobView:
        found = find_job(control, job_id)
        return JobView(
            job=found,
            events=control.events().since(0, job_id=job_id),
            manifest=_manifest(sets, found),
            asked=documents.get(job_id),
        )

    return routes


def _manifest(sets: SetReader | None, job: Job) -> Manifest | None:
    """The manifest of the set in a job's place, whoever published it."""
    held = None if sets is None else sets.hold(job.save_to or str(job.model))
    if held is None:
        return None
    try:
        return held.manifest
    finally:
        held.close()
