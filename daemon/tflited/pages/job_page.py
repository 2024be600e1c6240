"""The page of one job: where it stands, why, and what came of it."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tflited.domain.events import EventKind, JobEvent
from tflited.domain.job import ACTIVE, Job
from tflited.domain.manifest import Manifest
from tflited.pages import downloads
from tflited.pages.asking.page import sent
from tflited.pages.elements import element, table
from tflited.pages.layout import document


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What is known of a job.

    Attributes:
        job: itself.
        events: what happened to it, as far as that is held.
        manifest: of the set that is published in its place now; None without one.
        asked: the trigger document it was asked for with, where it came through the form.
    """

    job: Job
    events: Sequence[JobEvent] = ()
    manifest: Manifest | None = None
    asked: Mapping[str, Any] | None = None


def page(view: JobView) -> str:
    """A whole HTML document."""
    job = view.job
    parts = [
        element("h1", f"Job {job.id}: {job.model}"),
        element("p", element("strong", job.state.value, id="state"), *_now(view), role="status"),
        *_failure(job),
        *_downloads(view),
        table("The job", ("fact", "value"), list(_facts(job))),
        *_stages(view),
        *([] if view.asked is None else [sent(view.asked, heading="Asked for with")]),
    ]
    return document(f"Job {job.id}", *parts, is_live=job.state in ACTIVE)


def _now(view: JobView) -> list[str]:
    if view.job.state not in ACTIVE:
        return []
    if view.job.waits_for:
        return [f": waits for {view.job.waits_for}"]
    stages = [event for event in view.events if event.kind is EventKind.STAGE and event.stage]
    if not stages:
        return []
    newest = stages[-1]
    return [f": {newest.stage} {newest.detail}".rstrip()]


def _failure(job: Job) -> list[ET.Element]:
    if job.failure is None:
        return []
    told = [element("p", element("strong", job.failure.code), f": {job.failure.message}")]
    if job.failure.hint:
        told.append(element("p", element("strong", "Next: "), job.failure.hint))
    return [element("div", *told, class_="notice wrong")]


def _downloads(view: JobView) -> list[ET.Element]:
    manifest, job = view.manifest, view.job
    if manifest is None or job.state in ACTIVE:
        return []
    if manifest.job == job.id:
        return [downloads.section(manifest)]
    other = element("a", f"job {manifest.job}", href=f"/jobs/{manifest.job}")
    return [element("p", "The set in this place was published by ", other, ".")]


def _facts(job: Job) -> list[tuple[str, str | ET.Element]]:
    facts: list[tuple[str, str | ET.Element]] = [
        ("through", job.trigger.value),
        ("priority", str(job.priority)),
        ("attempts", str(job.attempts)),
        ("accepted", _time(job.created_at)),
    ]
    times = (
        ("started", job.started_at),
        ("ended", job.finished_at),
        ("not before", job.not_before),
    )
    facts += [(name, _time(moment)) for name, moment in times if moment is not None]
    if job.save_to is not None:
        facts.append(("save to", job.save_to))
    return facts


def _stages(view: JobView) -> list[ET.Element]:
    rows = [
        (event.stage.value, event.detail, str(event.attempt), _time(event.at))
        for event in view.events
        if event.kind is EventKind.STAGE and event.stage is not None
    ]
    return [table("Stages", ("stage", "detail", "attempt", "began"), rows)] if rows else []


def _time(moment: datetime) -> ET.Element:
    """A time in UTC; a script puts it into the reader's zone."""
    told = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return element("time", told, datetime=moment.isoformat())
