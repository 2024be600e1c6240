"""What ``auto`` looked at: every candidate with its figures and its reason, as rows and drawn."""

import xml.etree.ElementTree as ET
from typing import Final

from tflited.domain.choice import AutoLayer, AutoReport, AutoRow, BudgetKind, RowState
from tflited.domain.report import ReportDocument, VariantState
from tflited.pages import wording
from tflited.pages.chart import Caption, Guide
from tflited.pages.elements import details, element, table
from tflited.pages.figure import figure, listed
from tflited.pages.scatter import Axes, Point, beaten, scatter
from tflited.pages.summary import max_drop, min_snr_db

COLUMNS: Final = ("candidate", "outcome", "size", "of float32", "worst SNR", "drop", "reason")
LAYER_COLUMNS: Final = ("layer", "operator", "SNR with 8 bits here alone", "stays in float")
_MARKS: Final = {
    RowState.CHOSEN: VariantState.PROVEN,
    RowState.REFUSED: VariantState.REJECTED,
    RowState.SKIPPED: VariantState.REJECTED,
    RowState.INCONCLUSIVE: VariantState.UNVERIFIED,
}
"""Outcome to the mark of the same shape."""
_NOTE: Final = (
    "A filled circle is the chosen candidate, a cross a refused one, an empty triangle one that "
    "the data do not decide. The line joins the candidates that no other one beats in both. "
    "Upright lines are 95 % confidence intervals. A candidate without a figure stands only in the "
    "table."
)


def cells(row: AutoRow, auto: AutoReport) -> tuple[str, ...]:
    """What stands under ``COLUMNS``."""
    return (
        _name(row),
        row.state.value,
        wording.size(row.size_bytes or None),
        wording.percent(row.size_ratio),
        wording.NOTHING if row.min_snr_db is None else wording.decibels(row.min_snr_db),
        _drop(row, auto),
        row.reason,
    )


def layer_cells(layer: AutoLayer) -> tuple[str, ...]:
    """What stands under ``LAYER_COLUMNS``."""
    is_float = "yes" if layer.is_float else "no"
    return (layer.name, layer.operator, wording.decibels(layer.snr_db), is_float)


def sentence(auto: AutoReport) -> str:
    """The budget, what was chosen, and what the search for layers took."""
    is_proven = any(row.state is RowState.CHOSEN for row in auto.rows)
    taken = "Chosen" if is_proven else "None is proven, published unverified"
    chosen = f"{taken}: {auto.chosen}" if auto.chosen else "No candidate is left"
    trials = f" after {auto.trials} trials of layers in float" if auto.trials else ""
    return f"Budget: {auto.budget}. {chosen}{trials}, for {auto.target}."


def section(document: ReportDocument) -> tuple[ET.Element, ...]:
    """The part of a page; nothing where ``auto`` was not asked for."""
    auto = document.auto
    if auto is None:
        return ()
    rows = [cells(row, auto) for row in auto.rows]
    parts = [
        element("h2", "How auto chose"),
        element("p", sentence(auto)),
        *(element("p", note) for note in auto.notes),
        table("Every candidate, and why it was chosen or refused", COLUMNS, rows),
    ]
    drawn = picture(document, auto)
    parts += [] if drawn is None else [drawn]
    if auto.layers:
        layers = table("Layers", LAYER_COLUMNS, [layer_cells(layer) for layer in auto.layers])
        parts.append(details("What 8 bits do to each layer", layers))
    return tuple(parts)


def picture(document: ReportDocument, auto: AutoReport) -> ET.Element | None:
    """Size against the figure that decided; None where no candidate has it."""
    is_drop = auto.decided_by is BudgetKind.ACCURACY
    found = [(row, row.drop if is_drop else row.min_snr_db) for row in auto.rows]
    measured = [(row, y) for row, y in found if y is not None and row.size_ratio is not None]
    if not measured:
        return None
    places = [(row.size_ratio or 0.0, y if is_drop else -y) for row, y in measured]
    points = [
        _point(row, y, auto, is_on_front=not beaten(place, places))
        for (row, y), place in zip(measured, places, strict=True)
    ]
    caption = Caption(
        id="candidates",
        title="Size of each candidate against "
        + ("its loss of accuracy" if is_drop else "its closeness"),
        description=listed(
            f"{point.label} ({row.state})" for point, (row, _) in zip(points, measured, strict=True)
        ),
    )
    axes = Axes(
        x="size of float32 (left is better)",
        y="drop against the source (down is better)"
        if is_drop
        else "worst output's SNR in dB (up is better)",
    )
    budget = max_drop(document) if is_drop else min_snr_db(document)
    guides = () if budget is None else (Guide(value=budget, name=f"budget {budget:g}"),)
    numbers = table(caption.title, COLUMNS[:-1], [cells(row, auto)[:-1] for row, _ in measured])
    return figure(scatter(caption, axes, points, guides), _NOTE, numbers)


def _point(row: AutoRow, y: float, auto: AutoReport, *, is_on_front: bool) -> Point:
    is_drop = auto.decided_by is BudgetKind.ACCURACY
    figures = wording.number(y) if is_drop else wording.decibels(y)
    return Point(
        label=f"{_name(row)}: {wording.percent(row.size_ratio)}, {figures}",
        x=row.size_ratio or 0.0,
        y=y,
        state=_MARKS[row.state],
        is_on_front=is_on_front,
        low=row.drop_low if is_drop else None,
        high=row.drop_high if is_drop else None,
    )


def _name(row: AutoRow) -> str:
    count = len(row.float_layers)
    return f"{row.variant}, {count} layers in float" if count else row.variant.value


def _drop(row: AutoRow, auto: AutoReport) -> str:
    if row.drop is None:
        return wording.NOTHING
    low, high = wording.number(row.drop_low), wording.number(row.drop_high)
    return f"{auto.metric} {wording.number(row.drop)} ({low} to {high})"
