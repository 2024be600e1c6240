"""How far an attempt is: its stages from the events, as a strip of segments and as a list."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tflited.domain.events import EventKind, JobEvent
from tflited.domain.report import Stage
from tflited.pages.elements import element
from tflited.pages.listing import Row, columns, listing
from tflited.pages.moments import duration, lasting

NAMES: Final = {
    Stage.STAGE: "copy",
    Stage.CARRY: "carry",
    Stage.START: "start",
    Stage.LOAD: "load",
    Stage.REFERENCE: "reference",
    Stage.LOWER: "lower",
    Stage.QUANTISE: "quantise",
    Stage.PROVE: "prove",
    Stage.EMIT_C: "emit C",
    Stage.PROFILE: "profile",
    Stage.PUBLISH: "publish",
}
"""Stages in the order in which a build comes to them first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage of an attempt, with what it was about, and when it began and ended.

    ``until`` is None while it lasts.
    """

    stage: Stage
    detail: str
    since: datetime
    until: datetime | None


def steps(events: Sequence[JobEvent]) -> tuple[Step, ...]:
    """The steps of the newest attempt that the events tell of, in order."""
    newest = max((event.attempt for event in events), default=0)
    told = [event for event in events if event.attempt == newest]
    found = []
    for number, event in enumerate(told):
        if event.kind is EventKind.STAGE and event.stage is not None:
            after = told[number + 1].at if number + 1 < len(told) else None
            step = Step(stage=event.stage, detail=event.detail, since=event.at, until=after)
            found.append(step)
    return tuple(found)


def strip(done: Sequence[Step]) -> ET.Element:
    """A segment for each stage: over, under way, or still to come; the words say it too."""
    current = done[-1] if done and done[-1].until is None else None
    seen = {step.stage for step in done}
    # Only a cluster carries files; elsewhere its segment would never be over.
    stages = [stage for stage in NAMES if stage is not Stage.CARRY or stage in seen]
    segments = [
        element("i", class_=_segment(stage, seen, current), aria_hidden="true") for stage in stages
    ]
    return element("span", *segments, class_="strip", aria_hidden="true")


def label(done: Sequence[Step]) -> str:
    """The present stage in words, such as ``quantise int8``."""
    if not done:
        return "starting"
    return f"{NAMES[done[-1].stage]} {done[-1].detail}".strip()


def story(done: Sequence[Step], now: datetime) -> ET.Element:
    """Every step with its time, drawn against the longest."""
    seconds = [((step.until or now) - step.since).total_seconds() for step in done]
    longest = max(seconds, default=0.0) or 1.0
    rows = [
        Row(
            key=f"step{number}",
            cells=(
                NAMES[step.stage],
                step.detail,
                duration(took) if step.until else lasting(step.since, now),
                bar(took / longest, "busy" if step.until is None else "done"),
            ),
        )
        for number, (step, took) in enumerate(zip(done, seconds, strict=True))
    ]
    return listing(
        "Stages of the attempt", columns("stage", "of", "#time", "+share"), rows, kind="tight"
    )


def sums(seconds: Mapping[str, float]) -> ET.Element:
    """The time of each stage that a manifest tells, over all that it was entered for."""
    ordered = [(stage, seconds[stage.value]) for stage in NAMES if stage.value in seconds]
    longest = max((took for _, took in ordered), default=0.0) or 1.0
    rows = [
        Row(key=stage.value, cells=(NAMES[stage], duration(took), bar(took / longest, "done")))
        for stage, took in ordered
    ]
    return listing("Stages of the build", columns("stage", "#time", "+share"), rows, kind="tight")


def bar(share: float, kind: str, mark: float | None = None) -> ET.Element:
    """A bar for a share of 0 to 1 that words beside it tell, with a mark to hold it against."""
    width = min(max(share, 0.0), 1.0) * 100
    parts = [element("rect", x=0, y=0, width=width, height=8, rx=1, class_=f"fill {kind}")]
    if mark is not None:
        at = min(max(mark, 0.0), 1.0) * 100
        parts.append(element("line", x1=at, x2=at, y1=-1, y2=9, class_="limit"))
    return element(
        "svg",
        element("rect", x=0, y=0, width=100, height=8, class_="track"),
        *parts,
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
    )


def _segment(stage: Stage, seen: set[Stage], current: Step | None) -> str:
    if current is not None and current.stage is stage:
        return "now"
    return "over" if stage in seen else "ahead"
