"""The list of jobs, in parts, and the page of one: what was asked, how far it is, why it failed."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from tflited.domain.job import ACTIVE, Job, JobState
from tflited.pages import chips, links, progress, wording
from tflited.pages.elements import element
from tflited.pages.layout import document
from tflited.pages.listing import Row, columns, linked, listing
from tflited.pages.moments import ago, duration, lasting, moment
from tflited.pages.overview_page import outcome
from tflited.pages.progress import Step

_SHORT: Final = 12
"""Characters of a digest that people compare."""


def list_page(
    jobs: Sequence[Job], state: JobState | None, counts: Mapping[JobState, int], *, is_more: bool
) -> str:
    """A whole HTML document.

    Args:
        jobs: newest first.
        state: that was asked for; None for all.
        counts: of all jobs, by state.
        is_more: there are older ones.
    """
    parts: list[ET.Element] = [element("h1", "Jobs"), _filters(state, counts)]
    if jobs:
        heads = columns("job", "model", "state", "+outcome", "by", "#created")
        parts.append(listing("Jobs, newest first", heads, [_row(job) for job in jobs]))
    else:
        parts.append(element("p", "There is no such job.", class_="empty"))
    if is_more and jobs:
        older = linked("Older jobs", links.jobs(state.value if state else None, jobs[-1].id))
        parts.append(element("nav", older, class_="parts", aria_label="Parts of the list"))
    return document("Jobs", *parts, here="/jobs", is_live=True)


def _filters(state: JobState | None, counts: Mapping[JobState, int]) -> ET.Element:
    entries = [_filter("all", sum(counts.values()), None, is_here=state is None)]
    entries += [
        _filter(each.value, counts.get(each, 0), each.value, is_here=state is each)
        for each in JobState
        if counts.get(each, 0) or each is state
    ]
    return element("ul", *entries, class_="filters", aria_label="Narrow by state")


def _filter(name: str, count: int, state: str | None, *, is_here: bool) -> ET.Element:
    here = {"aria_current": "true"} if is_here else {}
    inside = (f"{name} ", element("b", f"{count:,}"))
    return element("li", element("a", *inside, href=links.jobs(state), **here))


def _row(job: Job) -> Row:
    return Row(
        key=f"j-{job.id}",
        cells=(
            linked(str(job.id), links.job(job.id)),
            linked(str(job.model), links.model(job.model, job.save_to)),
            chips.job(job.state),
            job.waits_for or outcome(job),
            job.trigger.value,
            ago(job.created_at),
        ),
    )


def page(
    job: Job,
    steps: Sequence[Step],
    seconds: Mapping[str, float],
    now: datetime,
    more: Sequence[ET.Element] = (),
) -> str:
    """A whole HTML document of one job.

    Args:
        job: which.
        steps: of its newest attempt, as far as the events still tell.
        seconds: time of each stage by the set's manifest; empty where it is not this job's.
        now: aware UTC.
        more: what there is to take along.
    """
    return document(
        f"Job {job.id}",
        element("h1", f"Job {job.id} ", chips.job(job.state)),
        element("p", linked(str(job.model), links.model(job.model, job.save_to)), class_="lead"),
        *_failure(job),
        *_going(job, steps, now),
        *more,
        element("h2", "What was asked"),
        _facts(job),
        *_stages(steps, seconds, now),
        here="/jobs",
        is_live=job.state in ACTIVE or job.failure is not None,
    )


def _failure(job: Job) -> tuple[ET.Element, ...]:
    failure = job.failure
    if failure is None:
        return ()
    title = "Why it failed" if job.state not in ACTIVE else "Why the last attempt failed"
    parts = [
        element("h2", title),
        element("p", failure.message),
        *([element("p", element("b", "Next: "), failure.hint)] if failure.hint else []),
        element("p", "code ", element("code", failure.code), class_="soft small"),
    ]
    return (element("section", *parts, class_="card problem-card", aria_label=title),)


def _going(job: Job, steps: Sequence[Step], now: datetime) -> tuple[ET.Element, ...]:
    if job.state is JobState.RUNNING:
        since = steps[0].since if steps else now
        words = element("span", element("b", progress.label(steps)), " for ", lasting(since, now))
        return (element("div", progress.strip(steps), words, class_="card going"),)
    if job.state is JobState.QUEUED:
        waits = job.waits_for or "waits for a free slot"
        if job.not_before is not None:
            return (element("p", "Tried again at ", moment(job.not_before), "."),)
        return (element("p", f"In the queue: {waits}."),)
    return ()


def _facts(job: Job) -> ET.Element:
    took = wording.NOTHING
    if job.started_at is not None and job.finished_at is not None:
        took = duration((job.finished_at - job.started_at).total_seconds())
    facts: list[tuple[str, ET.Element | str]] = [
        ("asked by", job.trigger.value),
        ("trigger id", job.trigger_id or wording.NOTHING),
        ("kind", job.kind.value),
        ("priority", str(job.priority)),
        ("forced", "yes" if job.is_forced else "no"),
        ("saved to", job.save_to or "its own place"),
        ("sandbox", job.sandbox.value),
        ("policy", job.policy_name or wording.NOTHING),
        ("attempts", _attempts(job)),
        ("their output", _words(job)),
        ("created", moment(job.created_at)),
        ("started", moment(job.started_at)),
        ("ended", moment(job.finished_at)),
        ("took", took),
        ("build key", job.build_key[:_SHORT] or "not known yet"),
        ("model digest", job.model_digest[:_SHORT] or "not known yet"),
    ]
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *pairs, class_="facts grid")


def _attempts(job: Job) -> str:
    return f"{job.attempts}" + (f", {job.deaths} of them died" if job.deaths else "")


def _words(job: Job) -> ET.Element:
    """Links to what the children of each attempt wrote; the one under way has not ended yet."""
    ended = max(0, job.attempts - (job.state is JobState.RUNNING))
    shown = element("span", *([] if ended else [wording.NOTHING]))
    for attempt in range(1, ended + 1):
        shown.append(element("a", f"attempt {attempt}", href=links.words(job.id, attempt)))
        shown[-1].tail = " "
    return shown


def _stages(
    steps: Sequence[Step], seconds: Mapping[str, float], now: datetime
) -> tuple[ET.Element, ...]:
    if steps:
        return element("h2", "Stages"), progress.story(steps, now)
    if seconds:
        return element("h2", "Stages"), progress.sums(seconds)
    text = "How long each stage took is no longer held."
    return element("h2", "Stages"), element("p", text, class_="empty")
