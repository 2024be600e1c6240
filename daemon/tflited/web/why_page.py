"""Serves the page that answers ``why``; no script runs in it and no other page may frame it."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from tflited.domain.control import Control
from tflited.pages.style import content_policy
from tflited.pages.why_page import page
from tflited.web.paths import asked_path

POLICY: Final = f"{content_policy(forms='self')}; frame-ancestors 'none'"


def why_page(control: Control) -> APIRouter:
    """The route of the page."""
    routes = APIRouter()

    @routes.get("/why", response_class=HTMLResponse, summary="The page that answers why")
    async def why(request: Request, path: str = "") -> HTMLResponse:
        asked = asked_path(request) or path
        answer = await run_in_threadpool(control.why, asked) if asked else None
        headers = {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        text = page(answer).encode("utf-8", "replace")
        return HTMLResponse(text, headers=headers)

    return routes
