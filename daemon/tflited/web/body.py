"""Reads bodies that fit into memory, in bounds of size and time, and the fields of forms."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from fastapi import Request

from tflited.web.answers import RequestError

BODY_SECONDS: Final = 20.0
MAX_FORM_BYTES: Final = 64 * 1024
_MOST_FIELDS: Final = 500
_FORM: Final = "application/x-www-form-urlencoded"

Fields = Mapping[str, Sequence[str]]


async def read_body(request: Request, what: str, *, most: int) -> bytes:
    """The body, given up as soon as it is too long or too slow; the declared length may lie.

    Args:
        request: what is read.
        what: its name in messages.
        most: bytes.

    Raises:
        RequestError: it is too long or too slow.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    allowed = f"observed more than {most} bytes, allowed that many"
                    raise RequestError(413, "too_large", f"{what}: {allowed}")
    except TimeoutError:
        message = f"{what}: observed no end within {BODY_SECONDS:g} s, allowed that long"
        raise RequestError(408, "too_slow", message, headers={"Connection": "close"}) from None
    return bytes(body)


async def read_fields(request: Request) -> Fields:
    """The fields of a form as a browser sends them; what is no UTF-8 is replaced.

    Raises:
        RequestError: it is no such form, too long, or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise RequestError(415, "no_form", f"form: observed {kind!r}, allowed {_FORM}")
    body = await read_body(request, "form", most=MAX_FORM_BYTES)
    try:
        return parse_qs(
            body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        message = f"form: observed more than {_MOST_FIELDS} fields, allowed that many"
        raise RequestError(413, "too_large", message) from None


def last(fields: Fields, name: str) -> str:
    """The value of a field; empty where there is none."""
    return fields.get(name, [""])[-1]
