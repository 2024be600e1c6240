"""What a build found out: proofs, variants and the record that ``report.json`` holds.

Every number is finite; a figure that does not exist (the signal-to-noise ratio of an exact match)
is None. The dataclasses forbid unknown keys when a border validates bytes into them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from tflited.domain.model import Digest, ModelKind
from tflited.domain.policy import Metric, Variant

FORBID_EXTRA: dict[str, str] = {"extra": "forbid"}
REPORT_VERSION = 1


class Stage(StrEnum):
    """One step of a build; the metrics label ``stage``."""

    STAGE = "stage"
    """The private copy of the model and its data."""
    START = "start"
    """From the request to the child's first message."""
    LOAD = "load"
    """Opening the source."""
    REFERENCE = "reference"
    """Running the source on what variants are compared on."""
    LOWER = "lower"
    """The float32 flatbuffer."""
    QUANTISE = "quantise"
    """Calibration and every further variant."""
    PROVE = "prove"
    """Comparison of the variants with the source."""
    EMIT_C = "emit_c"
    """C sources."""
    PUBLISH = "publish"
    """The set's way into the output tree."""


class VariantState(StrEnum):
    """What became of a variant."""

    PROVEN = "proven"
    """Every check passed."""
    UNVERIFIED = "unverified"
    """Published and labelled: something could not be proven, the reason says what."""
    REJECTED = "rejected"
    """A check failed or the variant could not be made; it is not published."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFile:
    """A file of a set, by its path below the set with ``/`` between."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantReport:
    """What is known of one variant after its proof.

    Attributes:
        variant: which.
        state: proven, unverified or rejected.
        reason: why it is not proven; empty when it is.
        hint: the next step; empty when there is none.
        path: which implementation made it, such as ``tf_converter``.
        seconds: time this variant cost on its own, lowering and calibration excluded.
        files: its artifacts; empty when it could not be made.
        size_ratio: bytes of the ``.tflite`` over those of float32; None without a float32.
        operators: operator name to how many of it the flatbuffer has.
        weights_bytes: element type of constant tensors to their bytes.
        inputs: the artifact's inputs.
        outputs: the artifact's outputs.
        checks: everything that was checked.
        fidelity: one entry for each output.
        accuracy: of source and variant on labelled data; None where none was asked or measured.
        micro: of the run in TFLM; None where the target is no microcontroller, or nothing ran.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    variant: Variant
    state: VariantState
    reason: str = ""
    hint: str = ""
    path: str = ""
    seconds: float = 0.0
    files: tuple[ArtifactFile, ...] = ()
    size_ratio: float | None = None
    operators: Mapping[str, int] = field(default_factory=dict)
    weights_bytes: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    checks: tuple[Check, ...] = ()
    fidelity: tuple[OutputFidelity, ...] = ()
    accuracy: Accuracy | None = None
    micro: MicroFigures | None = None


class LoweringPath(StrEnum):
    """Which way led from the source to the float32 flatbuffer."""

    FROZEN_GRAPH = "frozen_graph"
    """The loaded signature was frozen and compiled in memory."""
    PUBLIC_API = "public_api"
    """``tf.lite.TFLiteConverter`` over a SavedModel."""


class LoweringAttempt(StrEnum):
    """What had to be done to the model before it could be lowered."""

    AS_IS = "as_is"
    """Nothing."""
    SINGLE_BATCH = "single_batch"
    """Its batch was fixed to 1."""
    SELECT_OPERATORS = "select_operators"
    """Its loops were left to TensorFlow's own operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering:
    """How the float32 flatbuffer was made.

    Attributes:
        path: the way that led there.
        attempt: which attempt succeeded.
        reason: why the fast way was not taken; empty when it was.
        cost: what the attempt costs on the device; empty when nothing.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    path: LoweringPath = LoweringPath.FROZEN_GRAPH
    attempt: LoweringAttempt = LoweringAttempt.AS_IS
    reason: str = ""
    cost: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What the child learned of the source model.

    Attributes:
        loader: which library opened it, such as ``saved_model``, ``keras`` or ``tf_keras``.
        signature: name of the signature that was converted.
        inputs: name to shape and type of the source's inputs; -1 where a dimension is dynamic.
        outputs: the same of its outputs.
        reference_inputs: where the comparison's inputs came from: ``evaluation``,
            ``calibration`` or ``random``.
        lowering: how its float32 flatbuffer was made.
        notes: remarks for the reader, such as a policy name that was translated.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    loader: str
    signature: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    reference_inputs: str
    lowering: Lowering = Lowering()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The child's whole answer: the source, every variant asked for, and where the time went."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    source: SourceReport
    variants: tuple[VariantReport, ...]
    stage_seconds: Mapping[str, float]

    @property
    def published(self) -> tuple[VariantReport, ...]:
        """The variants that go into the set."""
        return tuple(entry for entry in self.variants if entry.state is not VariantState.REJECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """What ``report.json`` holds. Equal build keys give equal bytes: no time, no job.

    Attributes:
        version: of this document.
        root: configured name of the root.
        path: the model below the root.
        kind: the model's container.
        build_key: what the set was built for.
        policy: the policy keys that decide an artifact's bytes.
        toolchain: distribution name to version.
        source: what was learned of the source.
        variants: every variant asked for, in the policy's order, with ``seconds`` at zero.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    version: int
    root: str
    path: str
    kind: ModelKind
    build_key: Digest
    policy: Mapping[str, Any]
    toolchain: Mapping[str, str]
    source: SourceReport
    variants: tuple[VariantReport, ...]
