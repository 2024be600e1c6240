"""Serves pages for people: their headers, and the look, script and icon that all of them share."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Final

from fastapi import APIRouter, Request, Response

from tflited.pages.layout import ICON_PATH, SCRIPT_PATH, STYLE_PATH
from tflited.pages.refusal_page import page
from tflited.pages.site_style import SITE_CSS

_ALLOWED: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    # No script may turn a text into markup, whatever it comes from.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
POLICY: Final = "; ".join(_ALLOWED)
"""What a browser may do for a page (Content Security Policy Level 3, Trusted Types)."""
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" a form of ours would come from the origin "null" (Fetch, section 3.2.1).
    "Referrer-Policy": "same-origin",
}
_OK: Final = 200


def html(request: Request, text: str, *, status: int = 200) -> Response:
    """A page as an answer; one that the browser has already is not sent again.

    Args:
        request: what is answered.
        text: the whole document.
        status: of the answer.
    """
    body = text.encode("utf-8", "replace")
    return _tagged(request, body, "text/html; charset=utf-8", status=status)


def wants_page(request: Request) -> bool:
    """Whether a person asks: a browser going somewhere, no program that reads the API."""
    is_page = not request.url.path.startswith("/api/")
    return is_page and "text/html" in request.headers.get("accept", "")


def refusal_page(request: Request, refused: Response, message: str, hint: str = "") -> Response:
    """A refusal for a person: a page with the status and the headers of the one for programs.

    Args:
        request: what is refused.
        refused: the answer that a program would get.
        message: what failed.
        hint: the next step; empty when the message says it all.
    """
    answer = html(request, page(refused.status_code, message, hint), status=refused.status_code)
    for name in ("retry-after", "www-authenticate", "connection"):
        if name in refused.headers:
            answer.headers[name] = refused.headers[name]
    return answer


def assets() -> APIRouter:
    """What every page loads; these tell nothing, so they need no token."""
    routes = APIRouter(include_in_schema=False)
    folder = resources.files("tflited.web")
    for path, body, kind in (
        (STYLE_PATH, SITE_CSS.encode(), "text/css; charset=utf-8"),
        (SCRIPT_PATH, folder.joinpath("tflited.js").read_bytes(), "text/javascript; charset=utf-8"),
        (ICON_PATH, folder.joinpath("icon.svg").read_bytes(), "image/svg+xml"),
    ):
        routes.add_api_route(path, _asset(body, kind), methods=["GET"])
    return routes


def _asset(body: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def asset(request: Request) -> Response:
        return _tagged(request, body, kind)

    return asset


def _tagged(request: Request, body: bytes, kind: str, *, status: int = 200) -> Response:
    """Bytes with a tag of their content, or 304 to whoever names it (RFC 9110, section 13.1.2)."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag, "Cache-Control": "private, no-cache"}
    if status == _OK and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers=headers, media_type=kind)
