"""Serves the page that people keep open."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from tflited.domain.control import Control
from tflited.pages.overview_page import page
from tflited.web.site import html


def overview(control: Control) -> APIRouter:
    """The route of the page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/", response_class=HTMLResponse)
    async def index(request: Request) -> Response:
        return html(request, page(await run_in_threadpool(control.status)))

    return routes
