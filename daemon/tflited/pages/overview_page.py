"""The page that people keep open: what runs, what waits and why, what needs somebody."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tflited.domain.board import Board, ModelList
from tflited.domain.job import Job, JobState
from tflited.domain.status import ModelStatus, Phase, RunningAttempt
from tflited.pages import chips, health, links, progress
from tflited.pages.elements import element
from tflited.pages.layout import document
from tflited.pages.listing import Row, columns, linked, listing, stacked
from tflited.pages.moments import ago, duration, lasting
from tflited.pages.progress import Step

WAITING: Final = (Phase.SETTLING, Phase.CHECKING, Phase.HELD)
"""Phases of models that will have a job."""
TROUBLE: Final = (Phase.REFUSED, Phase.POLICY_ERROR, Phase.FAILED)
"""Phases that need somebody."""
_TILES: Final = (
    ("published", (Phase.PUBLISHED,), "good"),
    ("building", (Phase.BUILDING,), "busy"),
    ("queued", (Phase.QUEUED,), "wait"),
    ("settling or checked", WAITING, "wait"),
    ("need a look", TROUBLE, "bad"),
    ("stale", (Phase.STALE,), "warn"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything on the page.

    Attributes:
        now: when it was looked at, aware UTC.
        board: the daemon in figures.
        waiting: the newest models in ``WAITING``.
        trouble: the newest models in ``TROUBLE``.
        queued: the newest jobs in the queue.
        recent: the newest jobs that are over.
        steps: job to the steps of its attempt, for those that run.
    """

    now: datetime
    board: Board
    waiting: ModelList
    trouble: ModelList
    queued: Sequence[Job]
    recent: Sequence[Job]
    steps: Mapping[int, tuple[Step, ...]]


def page(view: Overview) -> str:
    """A whole HTML document."""
    board = view.board
    main = element(
        "div",
        *_now(view),
        *_trouble(view.trouble),
        *_recent(view.recent),
        class_="column",
    )
    content = element("div", main, health.panel(board), class_="columns")
    return document("Overview", _head(board), _tiles(board), content, here="/", is_live=True)


def _head(board: Board) -> ET.Element:
    failing = [check for check in board.checks if not check.is_ok and check.is_required]
    if board.is_draining:
        state = chips.chip("stopping: takes no more work", chips.Tone.WARN)
    elif failing:
        state = chips.chip("not ready", chips.Tone.BAD)
    else:
        state = chips.chip("ready", chips.Tone.GOOD)
    search = element(
        "form",
        element("label", "Find a model", for_="q", class_="unseen"),
        element("input", id="q", name="q", type="search", placeholder="Find a model"),
        element("button", "Find", type="submit"),
        action="/models",
        method="get",
        role="search",
        class_="search",
    )
    title = element("h1", "Overview ", state)
    return element("div", title, search, class_="head")


def _tiles(board: Board) -> ET.Element:
    phases = board.phases
    tiles = []
    for name, counted, tone in _TILES:
        count = sum(phases.get(phase, 0) for phase in counted)
        address = links.models(phases=counted)
        quiet = "" if count else " none"
        inside = (element("strong", f"{count:,}"), element("span", name))
        link = element("a", *inside, href=address)
        tiles.append(element("li", link, class_=f"tile {tone}{quiet}"))
    return element("ul", *tiles, class_="tiles", aria_label="Models by where they stand")


def _now(view: Overview) -> tuple[ET.Element, ...]:
    running = view.board.running
    rows = [_running(each, view) for each in running]
    queued = view.board.counts.by_state.get(JobState.QUEUED, 0)
    rows += [_queued(job) for job in reversed(view.queued)]
    rows += [_waiting(model) for model in view.waiting.models]
    heading = element("h2", "Now", id="now")
    if not rows:
        root = view.board.roots[0].path if view.board.roots else "a watched folder"
        text = ("Nothing runs and nothing waits. Drop a model into ", element("code", root), ".")
        return heading, element("p", *text, class_="empty")
    left = queued - len(view.queued) + view.waiting.total - len(view.waiting.models)
    more = _more(left, "more wait", links.jobs("queued")) if left > 0 else ()
    heads = columns("model", "state", "+what happens")
    return heading, listing("What runs and what waits", heads, rows), *more


def _running(attempt: RunningAttempt, view: Overview) -> Row:
    done = view.steps.get(attempt.job_id, ())
    again = f", attempt {attempt.attempt}" if attempt.attempt > 1 else ""
    job = linked(f"job {attempt.job_id}", links.job(attempt.job_id))
    since = done[0].since if done else view.now
    words = element(
        "span", element("b", progress.label(done)), " for ", lasting(since, view.now), again
    )
    return Row(
        key=f"m-{attempt.job_id}",
        cells=(
            stacked(linked(str(attempt.model), links.model(attempt.model)), job),
            chips.chip("building", chips.Tone.BUSY),
            element("div", progress.strip(done), words, class_="going"),
        ),
    )


def _queued(job: Job) -> Row:
    waits = job.waits_for or ("tried again later" if job.not_before else "waits for a free slot")
    details = [element("div", waits)]
    if job.failure is not None:
        details.append(element("div", f"last: {job.failure.message}", class_="soft small"))
    return Row(
        key=f"m-{job.id}",
        cells=(
            stacked(
                linked(str(job.model), links.model(job.model)),
                linked(f"job {job.id}", links.job(job.id)),
            ),
            chips.chip("queued", chips.Tone.WAIT),
            element("div", *details),
        ),
    )


def _waiting(model: ModelStatus) -> Row:
    return Row(
        key=links.model(model.model),
        cells=(
            linked(str(model.model), links.model(model.model)),
            chips.phase(model.phase),
            stacked(model.reason, model.hint),
        ),
    )


def _trouble(found: ModelList) -> tuple[ET.Element, ...]:
    if not found.total:
        return ()
    rows = [
        Row(
            key=links.model(each.model),
            cells=(
                stacked(linked(str(each.model), links.model(each.model)), ago(each.since)),
                chips.phase(each.phase),
                reason(each),
            ),
        )
        for each in found.models
    ]
    more = found.total - len(found.models)
    return (
        element("h2", "Needs a look", id="trouble"),
        listing(
            "Models that need somebody", columns("model", "state", "+why, and what to do"), rows
        ),
        *(_more(more, "more", links.models(phases=TROUBLE)) if more > 0 else ()),
    )


def reason(model: ModelStatus) -> ET.Element:
    """Why a model is where it is, and the next step."""
    hint = [element("div", element("b", "Next: "), model.hint, class_="next")] if model.hint else []
    return element("div", element("div", model.reason), *hint)


def _recent(jobs: Sequence[Job]) -> tuple[ET.Element, ...]:
    heading = element("h2", "Lately", id="lately")
    if not jobs:
        return heading, element("p", "No job has ended yet.", class_="empty")
    rows = [
        Row(
            key=f"r-{job.id}",
            cells=(
                stacked(
                    linked(str(job.model), links.model(job.model, job.save_to)),
                    linked(f"job {job.id}", links.job(job.id)),
                ),
                chips.job(job.state),
                outcome(job),
                ago(job.finished_at),
            ),
        )
        for job in jobs
    ]
    heads = columns("model", "result", "+took", "#ended")
    return heading, listing("Jobs that ended lately", heads, rows), *_more(0, "", links.jobs())


def outcome(job: Job) -> ET.Element | str:
    """How long a job took, or why it failed."""
    if job.failure is not None:
        return job.failure.message
    if job.started_at is None or job.finished_at is None:
        return "nothing to do: already published" if job.state is JobState.UNCHANGED else ""
    return duration((job.finished_at - job.started_at).total_seconds())


def _more(count: int, words: str, address: str) -> tuple[ET.Element, ...]:
    text = f"{count:,} {words}" if count else "All jobs"
    return (element("p", linked(text, address), class_="more"),)
