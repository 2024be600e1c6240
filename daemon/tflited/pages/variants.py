"""A set's variants beside each other: size as bars, latency, what was measured against budgets."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Final

from tflited.domain.figures import Accuracy
from tflited.domain.manifest import ManifestVariant
from tflited.domain.publication import PublishedRecords
from tflited.domain.report import ReportDocument, VariantState
from tflited.pages import chips, wording
from tflited.pages.elements import element
from tflited.pages.listing import Row, columns, listing, stacked
from tflited.pages.progress import bar
from tflited.pages.summary import Summary, max_drop, min_snr_db, summaries

_COLUMNS: Final = columns("variant", "+size", "#latency", "+against the budget", "+why")
_MARK: Final = 0.8
"""Where a bar has the budget, so that what is beyond it shows."""
_LEAST_BUDGET: Final = 1e-9


def variants(records: PublishedRecords) -> ET.Element:
    """The table of one set."""
    lines = summaries(records.report)
    told = records.manifest.variants if records.manifest else ()
    latencies = {each.variant: each for each in told}
    longest = max([1.0, *(line.entry.size_ratio or 0.0 for line in lines)])
    scale = _snr_scale(records.report, lines)
    rows = [
        Row(
            key=line.entry.variant.value,
            cells=(
                stacked(line.name, chips.variant(line.entry.state)),
                size(line, longest),
                latency(latencies, line),
                budget(line, records.report, scale),
                why(line),
            ),
        )
        for line in lines
    ]
    return listing("Every variant asked for", _COLUMNS, rows, kind="variants")


def size(line: Summary, longest: float) -> ET.Element | str:
    """Size against float32 as a bar; ``longest`` is the largest ratio drawn, at least 1."""
    ratio = line.entry.size_ratio
    if ratio is None:
        return "no file"
    drawn = bar(ratio / longest, line.entry.state.value, mark=1.0 / longest)
    words = f"{wording.size(line.size_bytes)}, {wording.percent(ratio)} of float32"
    return element("div", drawn, element("div", words, class_="small"))


def latency(told: Mapping[str, ManifestVariant], line: Summary) -> ET.Element | str:
    """Median of one invocation on the converting host."""
    found = told.get(line.entry.variant.value)
    if found is None or found.latency_ms is None:
        return wording.NOTHING
    most = f"9 of 10 in {wording.number(found.latency_p90_ms)} ms"
    return stacked(f"{wording.number(found.latency_ms)} ms", most)


def budget(line: Summary, document: ReportDocument, scale: float) -> ET.Element | str:
    """Accuracy where it was measured, else fidelity, held against the policy's budget.

    Args:
        line: the variant.
        document: of the set, for the budgets.
        scale: the ratio in dB that a whole bar stands for.
    """
    if line.entry.accuracy is not None:
        return _accuracy(line, line.entry.accuracy, max_drop(document))
    if not line.is_compared:
        return "not compared"
    least = min_snr_db(document)
    share = 1.0 if line.snr_db is None else line.snr_db / scale
    mark = None if least is None else least / scale
    words = f"SNR {line.snr}" + ("" if least is None else f", budget {least:g} dB or more")
    drawn = bar(share, line.entry.state.value, mark=mark)
    return element("div", drawn, element("div", words, class_="small"))


def why(line: Summary) -> ET.Element | str:
    """Why it is not proven, and the next step."""
    entry = line.entry
    if not entry.reason and not entry.hint:
        return "every check passed" if entry.state is VariantState.PROVEN else ""
    hint = [element("div", element("b", "Next: "), entry.hint, class_="next")] if entry.hint else []
    return element("div", element("div", entry.reason), *hint)


def lost(found: Accuracy) -> str:
    """The loss of accuracy with its interval, in words."""
    low, high = wording.number(found.drop_low), wording.number(found.drop_high)
    return f"{found.metric} drop {wording.number(found.drop)} ({low} to {high})"


def _accuracy(line: Summary, found: Accuracy, most: float | None) -> ET.Element:
    words = lost(found) + ("" if most is None else f", budget {most:g} or less")
    whole = max(most or 0.0, _LEAST_BUDGET) / _MARK
    drawn = bar(found.drop_high / whole, line.entry.state.value, mark=_MARK)
    shown = [] if most is None else [drawn]
    return element("div", *shown, element("div", words, class_="small"))


def _snr_scale(document: ReportDocument, lines: Sequence[Summary]) -> float:
    least = (min_snr_db(document) or 0.0) / _MARK
    return max([least, 1.0, *(line.snr_db or 0.0 for line in lines)])
