"""Addresses of the pages, for names that may hold any byte."""

from collections.abc import Iterable
from urllib.parse import quote

from tflited.domain.model import ModelId
from tflited.domain.status import Phase


def model(model: ModelId, save_to: str | None = None) -> str:
    """The page of a model, or of the set that a trigger saved elsewhere."""
    return _with_query("/model", path=str(model), save_to=save_to)


def report(model: ModelId, save_to: str | None = None) -> str:
    """The whole report of a model's set."""
    return _with_query("/report", path=str(model), save_to=save_to)


def why(model: ModelId) -> str:
    """The page that says why a model is as it is."""
    return _with_query("/why", path=str(model))


def convert(model: ModelId) -> str:
    """The form that asks for a build of a model now."""
    return _with_query("/convert", path=str(model))


def text(model: ModelId) -> str:
    """A model's name as a form can hold it; empty where it is no UTF-8 or cannot be typed."""
    name = str(model)
    return name if name.isprintable() else ""


def download(place: str, file: str) -> str:
    """One file of the set in a place of the output tree."""
    return _with_query("/download", path=place, file=file)


def download_all(place: str) -> str:
    """All files of the set in a place of the output tree."""
    return _with_query("/download/all", path=place)


def job(job_id: int) -> str:
    """The page of a job."""
    return f"/jobs/{job_id}"


def words(job_id: int, attempt: int) -> str:
    """What the children of an attempt wrote, as plain text."""
    return f"/api/v1/jobs/{job_id}/attempts/{attempt}/log"


def jobs(state: str | None = None, before: int | None = None) -> str:
    """The list of jobs, or a later part of it."""
    return _with_query("/jobs", state=state, before=None if before is None else str(before))


def models(*, text: str = "", root: str = "", phases: Iterable[Phase] = (), part: int = 1) -> str:
    """The list of models, or a later part of it."""
    named = [("phase", phase.value) for phase in phases]
    number = str(part) if part > 1 else ""
    return _asked("/models", [("q", text), ("root", root), *named, ("part", number)])


def compare(one: str, other: str = "") -> str:
    """Two models beside each other; with one alone, the page asks for the other."""
    return _with_query("/compare", a=one, b=other)


def _with_query(page: str, /, **parts: str | None) -> str:
    return _asked(page, [(name, text or "") for name, text in parts.items()])


def _asked(path: str, parts: Iterable[tuple[str, str]]) -> str:
    """An address; parts that are empty are left out, bytes that are no UTF-8 stay as they are."""
    query = "&".join(
        f"{name}={quote(text, safe='/', errors='surrogateescape')}" for name, text in parts if text
    )
    return f"{path}?{query}" if query else path
