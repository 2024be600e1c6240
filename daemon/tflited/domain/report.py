"""What a build found out: proofs, variants and the record that ``report.json`` holds.

Every number is finite; a figure that does not exist (the signal-to-noise ratio of an exact match)
is None. The dataclasses forbid unknown keys when a border validates bytes into them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from tflited.domain.choice import AutoReport
from tflited.domain.figures import (
    FORBID_EXTRA,
    Accuracy,
    Check,
    LayerError,
    MicroFigures,
    OutputFidelity,
    PrunedWeight,
    TensorSpec,
    VariantPruning,
)
from tflited.domain.model import Digest, ModelKind
from tflited.domain.policy import Variant
from tflited.domain.profile import Latency, Work
from tflited.domain.sandbox import SandboxLevel

REPORT_VERSION = 1
LOSS_CHECKS = frozenset({"accuracy", "fidelity", "sparse_encoding", "sparsity"})
"""Checks of a pruned file that tell what pruning cost, and of the form of the file. One that fails
rejects its variant, float32 like any other; ``fidelity_pruned`` proves the baseline itself."""


class Stage(StrEnum):
    """One step of a build; the metrics label ``stage``."""

    STAGE = "stage"
    """The private copy of the model and its data."""
    CARRY = "carry"
    """Files on their way to a worker of a cluster, and the set on its way back."""
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
    PROFILE = "profile"
    """Timed invocations of what is published."""
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
        fidelity: against the source as it came, one entry for each output.
        fidelity_pruned: the same against the pruned source, which the file was made from; empty
            without pruning.
        pruning: zeros and sizes of the file; None without pruning.
        accuracy: of source and variant on labelled data; None where none was asked or measured.
        layers: error of each operator of an integer variant, in the file's order.
        layers_note: what ``layers`` leaves out, and why; empty when nothing.
        chosen: which variant ``auto`` is; None for every other.
        work: what an invocation takes, counted from the file; None where it could not be made.
        latency: of an invocation on the converting host; None unless profiled.
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
    fidelity_pruned: tuple[OutputFidelity, ...] = ()
    pruning: VariantPruning | None = None
    accuracy: Accuracy | None = None
    layers: tuple[LayerError, ...] = ()
    layers_note: str = ""
    chosen: Variant | None = None
    work: Work | None = None
    latency: Latency | None = None
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
        pruned: the weights that were pruned, in the order of their names; empty without pruning.
        notes: remarks for the reader, such as a policy name that was translated.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    loader: str
    signature: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    reference_inputs: str
    lowering: Lowering = Lowering()
    pruned: tuple[PrunedWeight, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The child's whole answer: the source, every variant asked for, and where the time went.

    ``auto`` is how that variant was chosen; None where it was not asked for. ``sandbox`` is what
    held while it was made: the daemon's word, whatever a child says; None where nobody looked.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    source: SourceReport
    variants: tuple[VariantReport, ...]
    stage_seconds: Mapping[str, float]
    auto: AutoReport | None = None
    sandbox: SandboxLevel | None = None

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
        variants: every variant asked for, in the policy's order, without the times.
        auto: how ``auto`` decided, without the times; None where it was not asked for.
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
    auto: AutoReport | None = None
