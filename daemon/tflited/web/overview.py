"""Serves the page that people keep open."""

from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from tflited.domain.board import ModelQuery
from tflited.domain.control import Control
from tflited.domain.job import ACTIVE, JobState
from tflited.pages.overview_page import TROUBLE, WAITING, Overview, page
from tflited.pages.progress import Step, steps
from tflited.web.site import html

_SHOWN: Final = 8
_OVER: Final = tuple(
    state for state in JobState if state not in ACTIVE and state is not JobState.SUPERSEDED
)


def overview(control: Control) -> APIRouter:
    """The route of the page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/", response_class=HTMLResponse)
    def index(request: Request) -> Response:
        board = control.board()
        view = Overview(
            now=datetime.now(UTC),
            board=board,
            waiting=control.models(ModelQuery(phases=WAITING, is_newest_first=True, limit=_SHOWN)),
            trouble=control.models(ModelQuery(phases=TROUBLE, is_newest_first=True, limit=_SHOWN)),
            queued=control.jobs(states=(JobState.QUEUED,), limit=_SHOWN),
            recent=control.jobs(states=_OVER, limit=_SHOWN),
            steps={each.job_id: steps_of(control, each.job_id) for each in board.running},
        )
        return html(request, page(view))

    return routes


def steps_of(control: Control, job_id: int) -> tuple[Step, ...]:
    """The steps of a job's newest attempt, as far as the events still tell."""
    return steps(control.events().since(0, job_id=job_id))
