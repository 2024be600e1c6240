"""What was measured of one file: checks, tensors, closeness, accuracy, pruning and operators.

Every number is finite; a figure that does not exist (the signal-to-noise ratio of an exact match)
is None.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from tflited.domain.policy import LayerKind, Metric, SparseEncoding

FORBID_EXTRA: dict[str, str] = {"extra": "forbid"}
IDEAL_RMSE_OVER_SCALE = 0.289
"""1 / sqrt(12): rounding to the nearest step, and nothing else."""
SUSPICIOUS_RMSE_OVER_SCALE = 0.7
"""Above it an operator loses more than rounding costs; the threshold of the notebook to
``tf.lite.experimental.QuantizationDebugger``."""


class CheckResult(StrEnum):
    """Outcome of one check of a proof."""

    PASSED = "passed"
    FAILED = "failed"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked of a variant.

    Attributes:
        name: constant snake_case, such as ``weights_type`` or ``fidelity``.
        result: passed, failed, or unproven where it could not be checked.
        observed: what was seen.
        allowed: what would have passed.
        hint: the next step where it did not pass.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: str
    result: CheckResult
    observed: str
    allowed: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output of an artifact, in the order of the interpreter's index.

    Attributes:
        index: position among the inputs or outputs.
        name: the signature's name for it.
        shape: dimensions; -1 where dynamic.
        dtype: NumPy's name of the element type.
        scale: quantisation scale; 0.0 where not quantised.
        zero_point: quantisation zero point.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFidelity:
    """How close one output of a variant is to the source's, over all samples.

    Attributes:
        output: the signature's name of the output.
        samples: how many input samples were compared.
        max_abs_error: greatest absolute difference.
        relative_error: ``max_abs_error`` over the range (max - min) of the source's output.
        rmse: root mean square of the difference.
        snr_db: 10 log10(mean square of the source / mean square of the difference); None for an
            exact match.
        cosine: cosine similarity of the flattened outputs; None where one is all zero.
        top1_agreement: share of samples with the same argmax over the last axis; None where the
            last axis has one element.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    output: str
    samples: int
    max_abs_error: float
    relative_error: float
    rmse: float
    snr_db: float | None
    cosine: float | None
    top1_agreement: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How well a variant does its task beside the source, on the same labelled samples.

    Attributes:
        metric: which figure; its definition is in ``convert/proof/accuracy.py``.
        output: the signature's name of the output that was judged.
        samples: how many labelled samples.
        source: the metric of the source model.
        variant: the metric of the variant.
        drop: what the variant loses: source minus variant, or the increase where the metric is an
            error; negative where the variant is better.
        drop_low: lower end of the drop's confidence interval.
        drop_high: its upper end; this is what is held against ``max_drop``.
        confidence: of the interval, two-sided; 0.95.
        method: how the interval was made; described in ``convert/proof/intervals.py``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    metric: Metric
    output: str
    samples: int
    source: float
    variant: float
    drop: float
    drop_low: float
    drop_high: float
    confidence: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedWeight:
    """One weight of the source that was pruned.

    Attributes:
        name: its name in the source.
        kind: what the operators that read it make of it.
        elements: how many it has.
        asked: share of zeros that the policy asks for.
        zeros: zeros in it after pruning, those that were there before included.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: str
    kind: LayerKind
    elements: int
    asked: float
    zeros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPruning:
    """What pruning came to in one file; everything is counted in its bytes.

    Attributes:
        weights: pruned weights that were found in the file.
        elements: their elements.
        zeros: elements that are zero, or the zero point where they are quantised.
        sparsity: ``zeros`` over ``elements``; 0.0 where none was found.
        encoding: ``dense`` or ``sparse``.
        size_bytes: of the ``.tflite``.
        compressed_bytes: of the ``.tflite`` after zlib at level 6, as in gzip.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    weights: int
    elements: int
    zeros: int
    sparsity: float
    encoding: SparseEncoding
    size_bytes: int
    compressed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerError:
    """How far one operator's output in an integer file is from the float32 file's.

    Attributes:
        index: the operator's position in the integer file, from 0.
        operator: its name, such as ``CONV_2D``.
        output: the tensor's name in the float32 file; a long one is cut and ends in an ellipsis.
        dtype: element type in the integer file.
        scale: the tensor's quantisation step; 0.0 where the operator stayed in float.
        rmse: root mean square of the operator's own error: the float operator on the integer
            operator's inputs is what it should have given.
        max_abs_error: the greatest of these differences.
        rmse_over_scale: ``rmse`` in steps; None where the operator stayed in float.
        accumulated_rmse: root mean square of the difference to the float32 file's tensor, with the
            errors of every operator before it.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    index: int
    operator: str
    output: str
    dtype: str
    scale: float
    rmse: float
    max_abs_error: float
    rmse_over_scale: float | None
    accumulated_rmse: float

    @property
    def is_suspicious(self) -> bool:
        """Whether it loses more than rounding explains; never of 16 bits, whose weights have 8."""
        is_judged = self.rmse_over_scale is not None and self.dtype in {"int8", "uint8"}
        return is_judged and (self.rmse_over_scale or 0.0) > SUSPICIOUS_RMSE_OVER_SCALE


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroFigures:
    """What came of a run in TFLM's interpreter, compared with LiteRT's.

    Attributes:
        tflite_micro: version of the interpreter.
        samples: how many inputs were run.
        max_quanta: greatest difference of an integer output.
        max_relative_error: greatest difference of a float output over that output's range.
        arena_bytes: the smallest arena that works, to 16 bytes, with x86-64 reference kernels; 0
            where the outputs differ too much to look for it.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    tflite_micro: str
    samples: int
    max_quanta: int
    max_relative_error: float
    arena_bytes: int = 0
