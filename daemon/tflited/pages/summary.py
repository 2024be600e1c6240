"""One line on each variant of a report: the figures that a reader compares, and their wording.

What the terminal's table and the page show comes from here, so that they cannot disagree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tflited.domain.report import ReportDocument, VariantReport, VariantState
from tflited.pages import wording
from tflited.pages.scatter import beaten

COLUMNS: Final = (
    "variant",
    "state",
    "size",
    "of float32",
    "worst SNR",
    "relative error",
    "accuracy drop",
)
CONTENT_COLUMNS: Final = ("variant", "operators", "weights", "MACs", "working memory", "made by")
REASON_COLUMNS: Final = ("variant", "state", "reason", "next step")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One variant.

    Attributes:
        entry: everything that is known of it.
        size_bytes: of its ``.tflite``, also where that was not published; None where unknown.
        is_compared: its outputs were compared with the source's.
        snr_db: the worst output's; None where all are exact or nothing was compared.
        relative_error: the worst output's; None where nothing was compared.
        is_on_front: no other published variant is at most as large and at least as close.
    """

    entry: VariantReport
    size_bytes: int | None
    is_compared: bool
    snr_db: float | None
    relative_error: float | None
    is_on_front: bool = False

    @property
    def name(self) -> str:
        """The variant's name; of ``auto`` also which one it is."""
        chosen = self.entry.chosen
        return self.entry.variant.value + (f" ({chosen})" if chosen else "")

    @property
    def is_published(self) -> bool:
        """Whether it is in the set."""
        return self.entry.state is not VariantState.REJECTED

    @property
    def snr(self) -> str:
        """The worst signal-to-noise ratio in words."""
        return wording.decibels(self.snr_db) if self.is_compared else wording.NOTHING

    @property
    def drop(self) -> str:
        """The loss of accuracy with its confidence interval."""
        found = self.entry.accuracy
        if found is None:
            return wording.NOTHING
        low, high = wording.number(found.drop_low), wording.number(found.drop_high)
        return f"{found.metric} {wording.number(found.drop)} ({low} to {high})"

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands under ``COLUMNS``."""
        return (
            self.name,
            self.entry.state.value,
            wording.size(self.size_bytes),
            wording.percent(self.entry.size_ratio),
            self.snr,
            wording.number(self.relative_error),
            self.drop,
        )

    @property
    def content_cells(self) -> tuple[str, ...]:
        """What stands under ``CONTENT_COLUMNS``."""
        entry = self.entry
        operators = {name: str(count) for name, count in entry.operators.items()}
        weights = {dtype: wording.size(count) for dtype, count in entry.weights_bytes.items()}
        return (
            self.name,
            wording.counts(operators),
            wording.counts(weights),
            _macs(entry),
            _memory(entry),
            entry.path or wording.NOTHING,
        )

    @property
    def reason_cells(self) -> tuple[str, ...]:
        """What stands under ``REASON_COLUMNS``."""
        entry = self.entry
        hint = entry.hint or wording.NOTHING
        return (self.name, entry.state.value, entry.reason or wording.NOTHING, hint)


def _macs(entry: VariantReport) -> str:
    """Multiply-accumulates, and the operators whose are not among them."""
    if entry.work is None:
        return wording.NOTHING
    beside = ", ".join(entry.work.uncounted)
    return f"{entry.work.macs:,}" + (f" without {beside}" if beside else "")


def _memory(entry: VariantReport) -> str:
    """The arena that TFLM needs where it ran, else what is alive at once."""
    if entry.micro is not None and entry.micro.arena_bytes:
        return f"arena {wording.size(entry.micro.arena_bytes)}"
    return wording.size(entry.work.activation_bytes if entry.work else None)


def summaries(document: ReportDocument) -> tuple[Summary, ...]:
    """A line on each variant, in the report's order."""
    baseline = _baseline_bytes(document.variants)
    found = tuple(_summary(entry, baseline) for entry in document.variants)
    return tuple(_placed(line, found) for line in found)


def min_snr_db(document: ReportDocument) -> float | None:
    """The policy's budget of fidelity; None in a report that says none."""
    return _budget(document, "min_snr_db")


def max_drop(document: ReportDocument) -> float | None:
    """The policy's budget of accuracy; None where it sets none."""
    return _budget(document, "max_drop")


def _budget(document: ReportDocument, key: str) -> float | None:
    rules = document.policy.get("evaluation")
    value = rules.get(key) if isinstance(rules, dict) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value is not None else None


def _summary(entry: VariantReport, baseline: float | None) -> Summary:
    ratios = [output.snr_db for output in entry.fidelity if output.snr_db is not None]
    size = _published_bytes(entry)
    if size is None and baseline is not None and entry.size_ratio is not None:
        size = round(baseline * entry.size_ratio)
    return Summary(
        entry=entry,
        size_bytes=size,
        is_compared=bool(entry.fidelity),
        snr_db=min(ratios, default=None),
        relative_error=max((output.relative_error for output in entry.fidelity), default=None),
    )


def _published_bytes(entry: VariantReport) -> int | None:
    return next((file.size_bytes for file in entry.files if file.path.endswith(".tflite")), None)


def _baseline_bytes(entries: Sequence[VariantReport]) -> float | None:
    """The float32 file's size, by the first published variant that tells it."""
    for entry in entries:
        size = _published_bytes(entry)
        if size is not None and entry.size_ratio:
            return size / entry.size_ratio
    return None


def _placed(line: Summary, others: Sequence[Summary]) -> Summary:
    place = _place(line)
    if place is None:
        return line
    there = [found for found in map(_place, others) if found is not None]
    return replace(line, is_on_front=not beaten(place, there))


def _place(line: Summary) -> tuple[float, float] | None:
    """Size and distance from the source; None of what is not published or was not compared."""
    ratio = line.entry.size_ratio
    if not line.is_published or not line.is_compared or ratio is None:
        return None
    return ratio, -math.inf if line.snr_db is None else -line.snr_db
