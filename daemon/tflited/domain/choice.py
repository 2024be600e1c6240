"""What ``auto`` found out: every candidate with its figures, which one was taken, and why."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from tflited.domain.policy import Metric, Target, Variant

_FORBID_EXTRA: dict[str, str] = {"extra": "forbid"}


class RowState(StrEnum):
    """What became of a candidate."""

    CHOSEN = "chosen"
    """The smallest that is inside the budget, or the smallest that may be where none is proven."""
    REFUSED = "refused"
    """Outside the budget, not what it promises, or inside the budget and larger than the chosen."""
    SKIPPED = "skipped"
    """Not made: something it needs is missing, or it would be another candidate's file."""
    INCONCLUSIVE = "inconclusive"
    """The data prove it neither inside nor outside the budget; never a pass."""


class BudgetKind(StrEnum):
    """Which budget decided."""

    ACCURACY = "accuracy"
    """``evaluation.max_drop`` on labelled data; the fidelity budget holds beside it."""
    FIDELITY = "fidelity"
    """``evaluation.min_snr_db`` alone: no metric is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRow:
    """One candidate.

    Attributes:
        variant: which.
        state: what became of it.
        reason: why.
        size_bytes: of its ``.tflite``; 0 where it was not made.
        size_ratio: over float32; None where it was not made.
        accuracy: the metric on the labelled data; None where none was measured.
        drop: its loss against the source, as in ``Accuracy``.
        drop_low: lower end of the drop's interval.
        drop_high: upper end, which is held against ``max_drop``.
        min_snr_db: of the worst output; None for an exact match or where nothing was compared.
        latency_ms: median of one invocation on the converting host; None unless profiled.
        float_layers: names of the layers that the search left in float, in the model's order.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA
    variant: Variant
    state: RowState
    reason: str
    size_bytes: int = 0
    size_ratio: float | None = None
    accuracy: float | None = None
    drop: float | None = None
    drop_low: float | None = None
    drop_high: float | None = None
    min_snr_db: float | None = None
    latency_ms: float | None = None
    float_layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoLayer:
    """What 8 bits in one group of layers alone do to the outputs; from the search.

    Attributes:
        name: of the layer: the beginning of its output's name, which a ``mixed`` scope can match.
        operator: LiteRT's name of the operator.
        snr_db: of the worst output when its group alone computes in 8 bits; None for no error.
        is_float: whether the search left it in float.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA
    name: str
    operator: str
    snr_db: float | None
    is_float: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReport:
    """How ``auto`` decided.

    Attributes:
        target: whose candidates were walked.
        decided_by: accuracy or fidelity.
        budget: the budget in words.
        chosen: the variant that is published as ``auto``; None where no candidate is left.
        metric: of the rows' accuracy; None where fidelity decides.
        rows: every candidate: those that were made by size, then the others.
        trials: files that the search for layers tried; 0 where it was not needed.
        layers: what it found out of each layer, in the model's order.
        notes: remarks for the reader.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA
    target: Target
    decided_by: BudgetKind
    budget: str
    chosen: Variant | None
    metric: Metric | None = None
    rows: tuple[AutoRow, ...] = ()
    trials: int = 0
    layers: tuple[AutoLayer, ...] = ()
    notes: tuple[str, ...] = ()
