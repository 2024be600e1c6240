"""Serves the pages about models: the list, one of them, its report, and two beside each other."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from tflited.domain.board import ModelQuery, ModelView
from tflited.domain.control import Control
from tflited.domain.job import JobState
from tflited.domain.status import Phase
from tflited.pages import compare_page, links, model_page, models_page, report_page
from tflited.pages.compare_page import Side
from tflited.pages.layout import document
from tflited.web.answers import RequestError
from tflited.web.overview import steps_of
from tflited.web.paths import asked_name
from tflited.web.site import html

_PART: Final = 50
_MOST_PARTS: Final = 100_000
_NAMES: Final = 200
"""So many published models can be chosen from; any other can be typed."""


def model_pages(control: Control) -> APIRouter:
    """The routes of the pages."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/models")
    def models(
        request: Request,
        phase: Annotated[list[Phase], Query(default_factory=list)],
        part: Annotated[int, Query(ge=1, le=_MOST_PARTS)] = 1,
    ) -> Response:
        query = ModelQuery(
            text=asked_name(request, "q"),
            root=asked_name(request, "root"),
            phases=tuple(dict.fromkeys(phase)),
            offset=(part - 1) * _PART,
            limit=_PART,
        )
        roots = tuple(root.name for root in control.board().roots)
        return html(request, models_page.page(query, control.models(query), roots))

    @routes.get("/model")
    def model(request: Request) -> Response:
        view = _asked(control, request)
        job = view.job
        is_running = job is not None and job.state is JobState.RUNNING
        steps = steps_of(control, job.id) if job is not None and is_running else ()
        return html(request, model_page.page(view, steps, datetime.now(UTC)))

    @routes.get("/report")
    def report(request: Request) -> Response:
        view = _asked(control, request)
        if view.records is None:
            raise RequestError(
                404,
                "no_set",
                f"{view.model}: nothing is published for it",
                hint="its page says what it waits for, or why it failed",
            )
        sections = report_page.sections(view.records.report)
        return html(request, document(f"Report of {view.model}", *sections, here="/models"))

    @routes.get("/compare")
    def compare(request: Request) -> Response:
        sides = [_side(control, asked_name(request, key)) for key in ("a", "b")]
        published = control.models(ModelQuery(phases=(Phase.PUBLISHED,), limit=_NAMES))
        names = tuple(filter(None, (links.text(each.model) for each in published.models)))
        return html(request, compare_page.page(sides[0], sides[1], names))

    return routes


def _side(control: Control, name: str) -> Side:
    return Side(asked=name, view=control.model(name) if name else None)


def _asked(control: Control, request: Request) -> ModelView:
    name = asked_name(request, "path")
    view = control.model(name, asked_name(request, "save_to") or None)
    if view is None:
        raise RequestError(
            404,
            "no_such_model",
            f"model {name}: there is none",
            hint="the list of models names them as ROOT/PATH; /why answers about any path",
        )
    return view
