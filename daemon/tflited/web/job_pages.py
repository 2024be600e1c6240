"""Serves the pages about jobs: the list, and one of them."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from tflited.domain.control import Control
from tflited.domain.job import Job, JobState
from tflited.pages.jobs_page import list_page, page
from tflited.web.answers import RequestError
from tflited.web.overview import steps_of
from tflited.web.site import html

_PART: Final = 50
_LARGEST_ID: Final = 2**63 - 1
"""What SQLite's INTEGER holds."""


def job_pages(
    control: Control, more: Callable[[Job], Sequence[ET.Element]] = lambda _: ()
) -> APIRouter:
    """The routes of the pages.

    Args:
        control: the engine.
        more: what there is to take along from a job.
    """
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/jobs")
    def jobs(
        request: Request,
        state: JobState | None = None,
        before: Annotated[int | None, Query(ge=1, le=_LARGEST_ID)] = None,
    ) -> Response:
        states = () if state is None else (state,)
        found = control.jobs(states=states, before=before, limit=_PART + 1)
        counts = control.board().counts.by_state
        shown, is_more = found[:_PART], len(found) > _PART
        return html(request, list_page(shown, state, counts, is_more=is_more))

    @routes.get("/jobs/{job_id}")
    def job(request: Request, job_id: Annotated[int, Path(ge=1, le=_LARGEST_ID)]) -> Response:
        found = control.job(job_id)
        if found is None:
            hint = "the list of jobs has them all"
            raise RequestError(404, "no_such_job", f"job {job_id}: there is none", hint=hint)
        steps = steps_of(control, job_id)
        seconds = {} if steps else _seconds(control, found)
        return html(request, page(found, steps, seconds, datetime.now(UTC), more(found)))

    return routes


def _seconds(control: Control, job: Job) -> Mapping[str, float]:
    """The time of each stage by the manifest of the set that this job published, if it is there."""
    if job.state is not JobState.PUBLISHED:
        return {}
    view = control.model(str(job.model), job.save_to)
    manifest = view.records.manifest if view is not None and view.records is not None else None
    return manifest.stage_seconds if manifest is not None and manifest.job == job.id else {}
