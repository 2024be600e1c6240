"""Serves the page that answers ``why``."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from tflited.domain.control import Control
from tflited.pages.why_page import page
from tflited.web.paths import asked_path
from tflited.web.site import html


def why_page(control: Control) -> APIRouter:
    """The route of the page."""
    routes = APIRouter()

    @routes.get("/why", response_class=HTMLResponse, summary="The page that answers why")
    async def why(request: Request, path: str = "") -> Response:
        asked = asked_path(request) or path
        answer = await run_in_threadpool(control.why, asked) if asked else None
        return html(request, page(answer))

    return routes
