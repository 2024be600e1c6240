"""Pictures of what a variant saves and what it costs: size, closeness, accuracy."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Final

from tflited.domain.figures import Accuracy
from tflited.domain.report import ReportDocument
from tflited.pages import wording
from tflited.pages.chart import Bar, Caption, Guide, bars
from tflited.pages.elements import table
from tflited.pages.figure import FILLINGS, SHAPES, figure, listed
from tflited.pages.scatter import Axes, Point, scatter
from tflited.pages.summary import Summary, max_drop, min_snr_db

_ABOVE_DB: Final = 10.0
"""How far above the others an exact variant, whose ratio is infinite, is drawn."""
_SIZES_NOTE: Final = f"Bytes of the .tflite over those of the float32 file. {FILLINGS}"
_CLOSENESS_NOTE: Final = (
    f"{SHAPES} The line joins the published variants that no other one beats in both. "
    "An exact variant has no ratio and is drawn above the others. Measured without labels: "
    "this is fidelity, not accuracy."
)
_ACCURACY_NOTE: Final = (
    f"{SHAPES} Upright lines are 95 % confidence intervals on labelled data; a variant keeps "
    "its budget only if the upper end does."
)
_PLACE: Final = ("variant", "state", "of float32")


def sizes(lines: Sequence[Summary]) -> ET.Element:
    """Every variant's size as a bar against float32."""
    drawn = [_size_bar(line) for line in lines]
    caption = Caption(
        id="sizes",
        title="Size of each variant against float32",
        description=listed(f"{bar.label}: {bar.words}" for bar in drawn),
    )
    guides = (Guide(value=1.0, name="float32"),)
    rows = [(*_place(line), wording.size(line.size_bytes)) for line in lines]
    numbers = table(caption.title, (*_PLACE, "size"), rows)
    return figure(bars(caption, (("", drawn),), guides), _SIZES_NOTE, numbers)


def closeness(document: ReportDocument, lines: Sequence[Summary]) -> ET.Element | None:
    """Size against the worst output's signal-to-noise ratio; None where nothing was compared."""
    compared = [line for line in lines if line.is_compared and line.entry.size_ratio is not None]
    if not compared:
        return None
    budget = min_snr_db(document)
    finite = [line.snr_db for line in compared if line.snr_db is not None]
    top = max([*finite, budget or 0.0]) + _ABOVE_DB
    points = [_closeness_point(line, top) for line in compared]
    caption = Caption(
        id="closeness",
        title="Size against closeness to the source",
        description=listed(f"{point.label} ({point.state})" for point in points),
    )
    axes = Axes(x="size of float32 (left is better)", y="worst output's SNR in dB (up is better)")
    guides = () if budget is None else (Guide(value=budget, name=f"budget {budget:g} dB"),)
    rows = [(*_place(line), line.snr, "yes" if line.is_on_front else "no") for line in compared]
    numbers = table(caption.title, (*_PLACE, "worst SNR", "on the front"), rows)
    return figure(scatter(caption, axes, points, guides), _CLOSENESS_NOTE, numbers)


def accuracy(document: ReportDocument, lines: Sequence[Summary]) -> ET.Element | None:
    """Size against the loss of accuracy with its interval; None where none was measured."""
    judged = [
        (line, line.entry.accuracy)
        for line in lines
        if line.entry.accuracy is not None and line.entry.size_ratio is not None
    ]
    if not judged:
        return None
    points = [_drop_point(line, found) for line, found in judged]
    caption = Caption(
        id="accuracy",
        title="Size against the loss of accuracy",
        description=listed(f"{line.name}: {line.drop}, {line.entry.state}" for line, _ in judged),
    )
    axes = Axes(x="size of float32 (left is better)", y="drop against the source (down is better)")
    budget = max_drop(document)
    guides = () if budget is None else (Guide(value=budget, name=f"budget {budget:g}"),)
    columns = ("metric", "samples", "source", "variant's", "drop", "at least", "at most")
    rows = [_drop_row(line, found) for line, found in judged]
    numbers = table(caption.title, (*_PLACE, *columns), rows)
    return figure(scatter(caption, axes, points, guides), _ACCURACY_NOTE, numbers)


def _place(line: Summary) -> tuple[str, str, str]:
    """What stands under ``_PLACE``."""
    return (line.name, line.entry.state.value, wording.percent(line.entry.size_ratio))


def _size_bar(line: Summary) -> Bar:
    ratio = line.entry.size_ratio
    words = f"{wording.percent(ratio)}, {wording.size(line.size_bytes)}"
    return Bar(
        label=f"{line.name} ({line.entry.state})",
        length=ratio,
        words="no file" if ratio is None else words,
        state=line.entry.state,
    )


def _closeness_point(line: Summary, top: float) -> Point:
    return Point(
        label=f"{line.name}: {wording.percent(line.entry.size_ratio)}, {line.snr}",
        x=line.entry.size_ratio or 0.0,
        y=top if line.snr_db is None else line.snr_db,
        state=line.entry.state,
        is_on_front=line.is_on_front,
    )


def _drop_point(line: Summary, found: Accuracy) -> Point:
    return Point(
        label=f"{line.name}: {wording.number(found.drop)}",
        x=line.entry.size_ratio or 0.0,
        y=found.drop,
        state=line.entry.state,
        low=found.drop_low,
        high=found.drop_high,
    )


def _drop_row(line: Summary, found: Accuracy) -> tuple[str, ...]:
    figures = (found.source, found.variant, found.drop, found.drop_low, found.drop_high)
    words = (wording.number(value, 4) for value in figures)
    return (*_place(line), found.metric.value, str(found.samples), *words)
