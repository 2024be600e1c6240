"""Receives models over HTTP: as a raw body from programs, as a form with files from people."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import TypeAdapter

from tflited.domain.upload import Landing, UploadDesk
from tflited.errors import TflitedError
from tflited.pages.upload_page import ADDRESS, UploadView, page
from tflited.web.access import FORM_TOKEN, Access, Credentials
from tflited.web.answers import RequestError, answer, refuse_error, retry_after
from tflited.web.openapi import refusals
from tflited.web.parts import FileForm
from tflited.web.site import html

MOST_UPLOADS: Final = 4
_BATCH_BYTES: Final = 2**20
_BUSY_SECONDS: Final = 10.0
_RECEIPT: Final = TypeAdapter(dict[str, str])
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Receiving:
    """The uploads under way; used on the event loop only."""

    def __init__(self, desk: UploadDesk) -> None:
        self.desk = desk
        self._count = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Room and time for one.

        Raises:
            RequestError: there is no room, or the time is over.
        """
        if self._count >= MOST_UPLOADS:
            raise RequestError(
                503,
                "too_many_uploads",
                f"uploads: observed {self._count}, allowed {MOST_UPLOADS}",
                hint="ask again as Retry-After says",
                headers=retry_after(_BUSY_SECONDS),
            )
        self._count += 1
        seconds = self.desk.rules.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            message = f"upload: observed no end within {seconds:g} s, allowed that long"
            headers = {"Connection": "close"}
            raise RequestError(
                408,
                "too_slow",
                message,
                hint="raise [http.uploads] timeout_seconds",
                headers=headers,
            ) from None
        finally:
            self._count -= 1

    async def feed(self, request: Request, write: Callable[[bytes], None]) -> None:
        """Gives the body to a function of another thread, in parts of some size.

        Raises:
            RequestError: it is longer than it may be, by its own words.
        """
        most = self.desk.rules.largest_bytes
        told = request.headers.get("content-length", "")
        if told.isascii() and told.isdigit() and int(told) > most + _BATCH_BYTES:
            raise RequestError(
                413,
                "upload_too_large",
                f"upload: observed {told} bytes, allowed {most}",
                hint="raise [http.uploads] largest_bytes, or copy the model into the root",
                headers={"Connection": "close"},
            )
        batch = bytearray()
        async for chunk in request.stream():
            batch += chunk
            if len(batch) >= _BATCH_BYTES:
                await run_in_threadpool(write, bytes(batch))
                batch.clear()
        await run_in_threadpool(write, bytes(batch))


def upload_api(desk: UploadDesk, access: Access) -> APIRouter:
    """The route for programs."""
    routes, receiving = APIRouter(), Receiving(desk)

    @routes.put(
        "/uploads/{name}",
        status_code=201,
        response_model=dict[str, str],
        responses=refusals(408, 409, 413, 507),
        openapi_extra=_BODY,
        dependencies=[Depends(access.write)],
    )
    async def upload(request: Request, name: str, *, replace: bool = False) -> Response:
        async with receiving.turn():
            landing = await run_in_threadpool(desk.receive)
            try:
                await run_in_threadpool(landing.begin_file, name)
                await receiving.feed(request, landing.write)
                model = await run_in_threadpool(_land, landing, replace)
            finally:
                await run_in_threadpool(landing.close)
        return answer(_RECEIPT, {"model": model}, status=201)

    return routes


def upload_pages(desk: UploadDesk | None, access: Access) -> APIRouter:
    """The routes for people; the page also says where no uploads are taken."""
    routes = APIRouter(include_in_schema=False)

    def shown(request: Request, *, trouble: str = "", status: int = 200) -> Response:
        visitor = access.visitor(request)
        view = UploadView(
            rules=None if desk is None else desk.rules,
            may_write=visitor.may_write,
            can_begin=visitor.can_begin,
            form_token=visitor.form_token,
            landed=request.query_params.get("landed", ""),
            trouble=trouble,
        )
        return html(request, page(view), status=status)

    @routes.get(ADDRESS, response_class=HTMLResponse, dependencies=[Depends(access.read)])
    async def form(request: Request) -> Response:
        return shown(request)

    if desk is None:
        return routes
    receiving = Receiving(desk)

    @routes.post(ADDRESS, response_class=HTMLResponse)
    async def send(request: Request, credentials: Credentials) -> Response:
        def admitted(fields: dict[str, str]) -> Landing:
            access.admit_form(request, credentials, fields.get(FORM_TOKEN, ""))
            return receiving.desk.receive()

        try:
            # Before the body is looked at; the form's own token is looked at before its first file.
            await access.read(request, credentials)
            model = await _received(request, receiving, admitted)
        except TflitedError as error:
            refused = refuse_error(error)
            page_of = shown(request, trouble=str(error), status=refused.status_code)
            page_of.headers["connection"] = "close"  # what is left of the body is not read
            return page_of
        return RedirectResponse(f"{ADDRESS}?{urlencode({'landed': model})}", status_code=303)

    return routes


async def _received(
    request: Request, receiving: Receiving, admitted: Callable[[dict[str, str]], Landing]
) -> str:
    """Receives a form with files; the model that landed."""
    form = FileForm(request.headers.get("content-type", ""), admitted)
    try:
        async with receiving.turn():
            await receiving.feed(request, form.write)
            if form.landing is None or not form.is_whole:
                observed = "no file" if form.is_whole else "an end in the middle"
                raise RequestError(422, "no_file", f"upload: observed {observed}, allowed a model")
            replace = form.fields.get("replace") == "true"
            return await run_in_threadpool(_land, form.landing, replace)
    finally:
        if form.landing is not None:
            await run_in_threadpool(form.landing.close)


def _land(landing: Landing, replace: bool) -> str:  # noqa: FBT001  # for a thread's call
    return landing.land(replace=replace)
