"""Serves Convert now: the form, the document it makes, and the way to its job."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from tflited.domain.board import ModelQuery
from tflited.domain.control import Control
from tflited.domain.job import TriggerSource
from tflited.errors import TflitedError
from tflited.pages.asking.document import Asked, asked, blamed, with_id
from tflited.pages.asking.fields import FIELDS
from tflited.pages.asking.page import ADDRESS, DOCUMENT_ADDRESS, NONCE, Form, page
from tflited.web.access import FORM_TOKEN, Access, Credentials
from tflited.web.answers import refuse_error
from tflited.web.body import Fields, last, read_fields
from tflited.web.offers import Offers
from tflited.web.sent import SentDocuments
from tflited.web.site import html

_SUGGESTED: Final = ModelQuery(limit=200)
_REFUSED: Final = 422


def convert_pages(
    control: Control, access: Access, offers: Offers, documents: SentDocuments
) -> APIRouter:
    """The routes of the form."""
    routes, desk = APIRouter(include_in_schema=False), _Desk(control, access, offers)
    reads = [Depends(access.read)]

    @routes.get(ADDRESS, response_class=HTMLResponse, dependencies=reads)
    async def blank(request: Request) -> Response:
        given = _given(request)
        return await desk.shown(request, Form(typed=given or None, nonce=_nonce()))

    @routes.post(DOCUMENT_ADDRESS, response_class=HTMLResponse, dependencies=reads)
    async def show(request: Request) -> Response:
        fields = await read_fields(request)
        found, form = asked(fields), _form(fields)
        shown = replace(form, problems=found.problems, shown=found.document)
        return await desk.shown(request, shown, status=_REFUSED if found.problems else 200)

    @routes.post(ADDRESS, response_class=HTMLResponse)
    async def send(request: Request, credentials: Credentials) -> Response:
        fields = await read_fields(request)
        found, form = asked(fields), _form(fields)
        try:
            access.admit_form(request, credentials, last(fields, FORM_TOKEN))
            if found.problems:
                refused = replace(form, problems=found.problems)
                return await desk.shown(request, refused, status=_REFUSED)
            return await desk.send(request, form, found, documents)
        except TflitedError as error:
            await access.read(request, credentials)
            return await desk.refused(request, form, error)

    return routes


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the routes share."""

    control: Control
    access: Access
    offers: Offers

    async def send(
        self, request: Request, form: Form, found: Asked, documents: SentDocuments
    ) -> Response:
        """Sends the document, and leads to its job or back to the form with the reason."""
        document = with_id(found.document, form.nonce)
        receipt = await run_in_threadpool(
            self.control.submit, json.dumps(document).encode("ascii"), TriggerSource.API
        )
        if receipt.job_id is None:
            has_handle = "hub" in document.get("model", {})
            problems = blamed(receipt.reason, has_handle=has_handle)
            return await self.shown(request, replace(form, problems=problems), status=_REFUSED)
        documents.put(receipt.job_id, document)
        return RedirectResponse(f"/jobs/{receipt.job_id}", status_code=303)

    async def refused(self, request: Request, form: Form, error: TflitedError) -> Response:
        """The form with what a person cannot mend in it; what was typed is kept."""
        answer = refuse_error(error)
        shown = await self.shown(
            request, replace(form, trouble=str(error)), status=answer.status_code
        )
        if "retry-after" in answer.headers:
            shown.headers["retry-after"] = answer.headers["retry-after"]
        return shown

    async def shown(self, request: Request, form: Form, *, status: int = 200) -> Response:
        """The page of the form."""
        visitor = self.access.visitor(request)
        whole = replace(
            form,
            form_token=visitor.form_token,
            may_write=visitor.may_write,
            can_begin=visitor.can_begin,
            models=await run_in_threadpool(_known_models, self.control),
            policies=tuple(self.offers.policies()),
        )
        return html(request, page(whole), status=status)


def _known_models(control: Control) -> Sequence[str]:
    return [str(entry.model) for entry in control.models(_SUGGESTED).models]


def _form(fields: Fields) -> Form:
    typed = {key: fields[key] for key in FIELDS if key in fields}
    return Form(typed=typed, nonce=last(fields, NONCE) or _nonce())


def _nonce() -> str:
    return secrets.token_urlsafe(16)


def _given(request: Request) -> Mapping[str, Sequence[str]]:
    """Fields that a link fills in; ``path`` is short for the model's."""
    query = bytes(request.scope["query_string"]).decode("ascii", "replace")
    found = parse_qs(query, max_num_fields=len(FIELDS) * 4)
    usual: dict[str, Any] = {key: [each.value] for key, each in FIELDS.items() if each.value}
    named = {("model.path" if key == "path" else key): value for key, value in found.items()}
    known = {key: value for key, value in named.items() if key in FIELDS}
    return {**usual, **known} if known else {}
