"""Serves the page on which a browser gives a token and gets a session, and ends it again."""

from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tflited.pages.session_page import ADDRESS, END_ADDRESS, SessionView, page
from tflited.web.access import FORM_TOKEN, Access
from tflited.web.answers import RequestError
from tflited.web.body import last, read_fields
from tflited.web.sessions import COOKIE, SESSION_SECONDS
from tflited.web.site import html

_SEE_OTHER: Final = 303
_LONGEST_ADDRESS: Final = 2048


def session_pages(access: Access) -> APIRouter:
    """The routes of sessions; they need no token themselves."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(ADDRESS, response_class=HTMLResponse)
    async def show(request: Request) -> Response:
        return _shown(request, access, come_back=request.query_params.get("next", ""))

    @routes.post(ADDRESS, response_class=HTMLResponse)
    async def begin(request: Request) -> Response:
        fields = await read_fields(request)
        come_back = own_address(last(fields, "next"))
        try:
            secret = access.begin_session(request, last(fields, "token").strip())
        except RequestError as error:
            answer = _shown(
                request, access, come_back=come_back, trouble=str(error), status=error.status
            )
            answer.headers.update(error.headers)
            return answer
        moved = RedirectResponse(come_back, status_code=_SEE_OTHER)
        moved.set_cookie(
            COOKIE,
            secret,
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="strict",
            # A proxy that ends TLS passes the page's own address on.
            secure=request.headers.get("origin", "").startswith("https:"),
        )
        return moved

    @routes.post(END_ADDRESS, response_class=HTMLResponse)
    async def end(request: Request) -> Response:
        fields = await read_fields(request)
        access.end_session(request, last(fields, FORM_TOKEN))
        moved = RedirectResponse(ADDRESS, status_code=_SEE_OTHER)
        moved.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return moved

    return routes


def own_address(text: str) -> str:
    """A page of this daemon to go to; the overview in the place of anything else."""
    parts = urlsplit(text if text.isascii() and text.isprintable() else "")
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    is_plain = is_own and "\\" not in text and len(text) <= _LONGEST_ADDRESS
    return text if is_plain and not text.startswith("//") else "/"


def _shown(
    request: Request, access: Access, *, come_back: str, trouble: str = "", status: int = 200
) -> Response:
    visitor = access.visitor(request)
    view = SessionView(
        name=visitor.name,
        may_write=visitor.may_write,
        form_token=visitor.form_token,
        can_begin=visitor.can_begin or access.has_tokens,
        come_back=own_address(come_back),
        trouble=trouble,
    )
    answer = html(request, page(view), status=status)
    answer.headers["cache-control"] = "no-store"
    return answer
