"""One model: where it stands, its variants beside each other, how auto chose, and its builds."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tflited.domain.board import ModelView, PastBuild
from tflited.domain.job import ACTIVE, Job, JobState
from tflited.domain.publication import PublishedRecords
from tflited.domain.report import VariantState
from tflited.pages import candidates, chips, downloads, links, progress, trade_offs, wording
from tflited.pages.differences import Difference, between
from tflited.pages.elements import details, element
from tflited.pages.layout import document
from tflited.pages.listing import Row, columns, linked, listing, stacked
from tflited.pages.moments import ago, lasting, moment
from tflited.pages.progress import Step
from tflited.pages.summary import summaries
from tflited.pages.variants import variants

_SHOWN: Final = 8
"""So many differences of a build are shown at once; the others are folded."""


def page(view: ModelView, steps: Sequence[Step], now: datetime) -> str:
    """A whole HTML document.

    Args:
        view: the model. Names in it are never read as markup.
        steps: of the attempt of its job, where one runs.
        now: aware UTC.
    """
    name = str(view.model)
    records = view.records
    return document(
        name,
        *_head(view),
        *_job(view.job, steps, now),
        *(_set(view, records) if records else _no_set(view)),
        *_builds(view.builds),
        here="/models",
        is_live=True,
    )


def _head(view: ModelView) -> tuple[ET.Element, ...]:
    status = view.status
    state = chips.chip("not in its root", chips.Tone.IDLE)
    told: list[ET.Element] = []
    if status is not None:
        state = chips.phase(status.phase)
        told.append(element("p", status.reason))
        if status.hint:
            told.append(element("p", element("b", "Next: "), status.hint))
    place = [] if view.save_to is None else [element("p", f"Its set at {view.save_to}.")]
    facts = [
        ("kind", status.kind.value if status else wording.NOTHING),
        ("in this state since", ago(status.since) if status else wording.NOTHING),
    ]
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return (
        element("h1", str(view.model), " ", state),
        *told,
        *place,
        element("dl", *pairs, class_="facts line"),
        element(
            "p",
            linked("Why? policy, checks, places", links.why(view.model)),
            " \u00b7 ",
            linked("Convert now", links.convert(view.model)),
            class_="more",
        ),
    )


def _job(job: Job | None, steps: Sequence[Step], now: datetime) -> tuple[ET.Element, ...]:
    """The job that has work before it, or the last one where that failed."""
    if job is None or (job.state not in ACTIVE and job.failure is None):
        return ()
    if job.state in {JobState.SUPERSEDED, JobState.CANCELLED}:
        return ()
    parts: list[ET.Element | str] = [
        element("div", linked(f"Job {job.id}", links.job(job.id)), " ", chips.job(job.state))
    ]
    if job.state is JobState.RUNNING:
        since = steps[0].since if steps else now
        words = element("span", element("b", progress.label(steps)), " for ", lasting(since, now))
        parts.append(element("div", progress.strip(steps), words, class_="going"))
    elif job.waits_for:
        parts.append(element("div", f"waits: {job.waits_for}"))
    if job.failure is not None:
        parts.append(element("div", job.failure.message, class_="problem"))
        if job.failure.hint:
            hint = element("div", element("b", "Next: "), job.failure.hint, class_="next")
            parts.append(hint)
    return (element("section", *parts, class_="card job", aria_label="Its job"),)


def _no_set(view: ModelView) -> tuple[ET.Element, ...]:
    text = "Nothing is published for it yet."
    if view.builds:
        text = "Its set is no longer in the output tree."
    return (element("h2", "Variants"), element("p", text, class_="empty"))


def _set(view: ModelView, records: PublishedRecords) -> tuple[ET.Element, ...]:
    report = records.report
    lines = summaries(report)
    parts = [
        element("h2", "Variants"),
        variants(records),
        element(
            "p",
            linked("The whole report", links.report(view.model, view.save_to)),
            class_="more",
        ),
        _comparison(view),
        *candidates.section(report),
    ]
    closeness = trade_offs.closeness(report, lines)
    accuracy = trade_offs.accuracy(report, lines)
    if closeness is not None:
        parts += [element("h2", "Size and closeness"), closeness]
    if accuracy is not None:
        parts += [element("h2", "Size and accuracy"), accuracy]
    if records.manifest is not None:
        parts.append(downloads.section(records.manifest))
    return tuple(parts)


def _comparison(view: ModelView) -> ET.Element:
    one = element("input", type="hidden", name="a")
    one.set("value", links.text(view.model))
    field = element("input", id="b", name="b", type="text", required="", placeholder="ROOT/PATH")
    return element(
        "form",
        one,
        element("label", "Compare with", for_="b"),
        field,
        element("button", "Compare", type="submit"),
        action="/compare",
        method="get",
        class_="asked",
    )


def _builds(builds: tuple[PastBuild, ...]) -> tuple[ET.Element, ...]:
    if not builds:
        return ()
    rows = [
        Row(
            key=f"b-{past.build.id}",
            cells=(
                stacked(
                    moment(past.build.published_at),
                    linked(f"job {past.build.job_id}", links.job(past.build.job_id)),
                ),
                _counted(past),
                _changes(found, is_oldest=past is builds[-1]),
            ),
        )
        for past, found in zip(builds, between(builds), strict=True)
    ]
    heads = columns("published", "variants", "+what changed")
    return element("h2", "Builds"), listing("Builds, newest first", heads, rows)


def _counted(past: PastBuild) -> ET.Element:
    counted = {
        state: sum(each.state is state for each in past.build.variants) for state in VariantState
    }
    lines = [
        element("div", f"{count} ", chips.variant(state))
        for state, count in counted.items()
        if count
    ]
    return element("div", *lines)


def _changes(found: Sequence[Difference], *, is_oldest: bool) -> ET.Element | str:
    if not found:
        return "the oldest that is told" if is_oldest else "nothing: the same result again"
    shown = element("ul", *map(_change, found[:_SHOWN]), class_="changes")
    rest = found[_SHOWN:]
    if not rest:
        return shown
    folded = details(f"{len(rest)} more", element("ul", *map(_change, rest), class_="changes"))
    return element("div", shown, folded)


def _change(found: Difference) -> ET.Element:
    before = element("del", found.before or "none")
    after = element("ins", found.after or "none")
    kind = element("span", found.kind, class_="kind")
    return element("li", kind, " ", element("b", found.what), ": ", before, " → ", after)
