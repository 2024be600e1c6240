"""Hands out published files: one of a set, or all of it as one archive; never two generations."""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from tflited.domain.download import HeldSet, SetFile, SetReader
from tflited.domain.manifest import REPORT_NAME
from tflited.domain.report import ArtifactFile
from tflited.errors import OutputError
from tflited.pages import report_page
from tflited.pages.downloads import REPORT_PAGE
from tflited.pages.style import content_policy
from tflited.web.answers import RequestError, retry_after
from tflited.web.archive import Member, archive, length
from tflited.web.openapi import refusals
from tflited.web.timely import TimelyResponse

MOST_DOWNLOADS: Final = 16
"""At once: each holds the files of a set open."""
_BUSY_SECONDS: Final = 5.0
_FORM: Final = "zip 1"
"""Changes with the archive's bytes, so that its tag does."""
_SEALED: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"
_TYPES: Final = {
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".c": "text/plain; charset=utf-8",
    ".cc": "text/plain; charset=utf-8",
    ".cpp": "text/plain; charset=utf-8",
    ".h": "text/plain; charset=utf-8",
    ".S": "text/plain; charset=utf-8",
}
_ATTRIBUTE: Final = "!#$&+-.^_`|~"
"""``attr-char`` of RFC 8187 beside letters and digits."""
_BYTES: Final = {"description": "The file.", "content": {"application/octet-stream": {}}}
_ZIP: Final = {"description": "The archive.", "content": {"application/zip": {}}}

Place = Annotated[str, Query(min_length=1, max_length=4096, description="ROOT/PATH, or save_to")]


def download_routes(sets: SetReader) -> APIRouter:
    """The routes of downloads."""
    routes, room = APIRouter(), Room(MOST_DOWNLOADS)

    @routes.get("/download", response_class=Response, responses={**refusals(404), 200: _BYTES})
    async def download(
        request: Request, path: Place, file: Annotated[str, Query(min_length=1, max_length=4096)]
    ) -> Response:
        tags = _tags(request)
        return await _answered(room, sets, path, lambda held: _one(held, path, file, tags))

    @routes.get("/download/all", response_class=Response, responses={**refusals(404), 200: _ZIP})
    async def download_all(request: Request, path: Place) -> Response:
        tags = _tags(request)
        return await _answered(room, sets, path, lambda held: _all(held, path, tags))

    return routes


class Sent(TimelyResponse):
    """A download under way; lets go what it holds at the end, however that comes."""

    def __init__(self, content: Iterator[bytes], headers: dict[str, str]) -> None:
        super().__init__(content, headers=headers)
        self.holds = ExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves it."""
        with self.holds:
            await super().__call__(scope, receive, send)


class Room:
    """Counts the downloads under way; used on the event loop only.

    Args:
        most: how many there may be at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self) -> None:
        """Takes room for one.

        Raises:
            RequestError: there is none.
        """
        if self._taken >= self._most:
            raise RequestError(
                503,
                "too_many_downloads",
                f"downloads: observed {self._taken}, allowed {self._most}",
                hint="ask again as Retry-After says",
                headers=retry_after(_BUSY_SECONDS),
            )
        self._taken += 1

    def give_back(self) -> None:
        """One has ended."""
        self._taken -= 1


async def _answered(
    room: Room, sets: SetReader, place: str, make: Callable[[HeldSet], Response]
) -> Response:
    """The answer about the set in a place; a download takes along what it needs."""
    room.take()
    with ExitStack() as holds:
        holds.callback(room.give_back)
        held = await run_in_threadpool(_held, sets, place)
        holds.callback(held.close)
        answer = await run_in_threadpool(make, held)
        if isinstance(answer, Sent):
            answer.holds = holds.pop_all()
        return answer


def _held(sets: SetReader, place: str) -> HeldSet:
    held = sets.hold(place)
    if held is None:
        raise RequestError(
            404,
            "no_such_set",
            f"{place}: no set is published there",
            hint="path is ROOT/PATH of a model, or the save_to of a trigger; tflited why tells",
        )
    return held


def _one(held: HeldSet, place: str, path: str, tags: frozenset[str]) -> Response:
    file = _page_of(held) if path == REPORT_PAGE else _file(held, place, path)
    tag = f'"{file.listed.sha256}"'
    if tags & {tag, "*"}:
        return Response(status_code=304, headers=_common(tag))
    _checked(file)
    is_page = path == REPORT_PAGE
    headers = {
        **_common(tag),
        "Content-Length": str(file.listed.size_bytes),
        "Content-Type": _TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"),
        "Content-Disposition": disposition(PurePosixPath(path).name, is_shown=is_page),
        "Content-Security-Policy": f"{content_policy()}; frame-ancestors 'none'"
        if is_page
        else _SEALED,
    }
    return Sent(file.chunks(), headers)


def _all(held: HeldSet, place: str, tags: frozenset[str]) -> Response:
    files: list[SetFile] = [held.open(listed.path) for listed in held.listed]
    files.append(_page_of(held))
    tag = f'"{_named_by([file.listed for file in files])}"'
    if tags & {tag, "*"}:
        return Response(status_code=304, headers=_common(tag))
    members = [_member(file) for file in files]
    headers = {
        **_common(tag),
        "Content-Length": str(length(members)),
        "Content-Type": "application/zip",
        "Content-Disposition": disposition(f"{PurePosixPath(place).name}.zip"),
        "Content-Security-Policy": _SEALED,
    }
    return Sent(archive(members, (file.chunks() for file in files)), headers)


def _file(held: HeldSet, place: str, path: str) -> SetFile:
    if not any(listed.path == path for listed in held.listed):
        raise RequestError(
            404,
            "no_such_file",
            f"{place}: its manifest lists no file {path!r}",
            hint="file=manifest.json lists them; report.html is the report for people",
        )
    return held.open(path)


def _checked(file: SetFile) -> int:
    """Reads a file once before its first byte is sent; its CRC-32.

    Raises:
        RequestError: it is not what the manifest lists.
    """
    crc = 0
    try:
        for chunk in file.chunks():
            crc = zlib.crc32(chunk, crc)
    except OutputError as error:
        raise RequestError(500, "damaged", error.message, hint=error.hint) from error
    return crc


def _member(file: SetFile) -> Member:
    return Member(name=file.listed.path, size_bytes=file.listed.size_bytes, crc=_checked(file))


class _Page:
    """The report for people as a file of the set; implements ``SetFile``."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.listed = ArtifactFile(
            path=REPORT_PAGE,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )

    def chunks(self) -> Iterator[bytes]:
        """All of it."""
        yield self._content


def _page_of(held: HeldSet) -> SetFile:
    """The page, from a report that is what the manifest lists."""
    _checked(held.open(REPORT_NAME))
    return _Page(report_page.page(held.report()).encode("utf-8", "replace"))


def _named_by(files: Sequence[ArtifactFile]) -> str:
    lines = [f"{file.sha256} {file.size_bytes} {file.path}" for file in files]
    return hashlib.sha256("\n".join([_FORM, *lines]).encode()).hexdigest()


def _common(tag: str) -> dict[str, str]:
    return {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _tags(request: Request) -> frozenset[str]:
    """What the client has already (RFC 9110, section 13.1.2); weak tags compare as strong ones."""
    told = request.headers.get("if-none-match", "")
    return frozenset(tag.strip().removeprefix("W/") for tag in told.split(",") if tag.strip())


def disposition(name: str, *, is_shown: bool = False) -> str:
    """A Content-Disposition (RFC 6266) whose plain name is what any client understands.

    Args:
        name: the file's name, whatever is in it.
        is_shown: whether a browser shows the file instead of saving it.
    """
    plain = "".join(
        sign if sign.isascii() and sign.isprintable() and sign not in '"\\%/' else "_"
        for sign in name
    )
    kind = "inline" if is_shown else "attachment"
    told = f'{kind}; filename="{plain}"'
    encoded = quote(name, safe=_ATTRIBUTE, errors="replace")
    return told if plain == name else f"{told}; filename*=UTF-8''{encoded}"
