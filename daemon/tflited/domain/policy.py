"""How a model is converted: the closed sets and the resolved policy."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from tflited.domain.limits import Limits
from tflited.domain.model import Digest
from tflited.domain.preprocess import Preprocess

FOLDER_POLICY_NAME = ".tflited.toml"
"""The policy file that holds for the models at or below its folder."""


class Variant(StrEnum):
    """One optimisation of a model."""

    FLOAT32 = "float32"
    """No quantisation; the baseline that must match the source."""
    DYNAMIC_RANGE = "dynamic_range"
    """8-bit weights, float activations quantised on the fly."""
    FLOAT16 = "float16"
    """16-bit float weights."""
    INT8 = "int8"
    """8-bit weights and activations, integers only; needs calibration data."""
    INT8_FLOAT_FALLBACK = "int8_float_fallback"
    """8-bit weights and activations, float where an operator has no integer form."""
    INT16X8 = "int16x8"
    """16-bit activations, 8-bit weights; needs calibration data."""
    WEIGHT_ONLY_INT8 = "weight_only_int8"
    """8-bit weights, decompressed to float before use."""
    WEIGHT_ONLY_INT4 = "weight_only_int4"
    """4-bit weights, decompressed to float before use."""
    AUTO = "auto"
    """The smallest of the target's variants that keeps the budget; published as ``auto``."""


NEEDS_CALIBRATION = frozenset({Variant.INT8, Variant.INT8_FLOAT_FALLBACK, Variant.INT16X8})
"""Variants whose activation ranges come from data."""


class ModelType(StrEnum):
    """What a policy or a trigger says a model is."""

    AUTO = "auto"
    SAVED_MODEL = "saved_model"
    KERAS = "keras"
    HUB = "hub"


class OperatorSet(StrEnum):
    """Which operators an artifact may use; TensorFlow's own names (``tf.lite.OpsSet``)."""

    TFLITE_BUILTINS = "TFLITE_BUILTINS"
    TFLITE_BUILTINS_INT8 = "TFLITE_BUILTINS_INT8"
    SELECT_TF_OPS = "SELECT_TF_OPS"


class TensorType(StrEnum):
    """Element type of an artifact's inputs or outputs."""

    FLOAT32 = "float32"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"


class Target(StrEnum):
    """Where the artifact will run."""

    CPU = "cpu"
    GPU = "gpu"
    EDGETPU = "edgetpu"
    MICRO = "micro"


class Metric(StrEnum):
    """How well a model does its task on labelled data; defined in ``convert/proof/accuracy.py``."""

    TOP1 = "top1"
    """Share of samples whose highest score is the label's."""
    TOP5 = "top5"
    """Share of samples whose label is among the five highest scores."""
    MAE = "mae"
    """Mean absolute error, in the output's unit."""
    RMSE = "rmse"
    """Root of the mean squared error, in the output's unit."""
    AUC = "auc"
    """Area under the ROC curve of a two-class score."""


class OnReject(StrEnum):
    """What a rejected variant does to its set."""

    OMIT = "omit"
    """Left out and listed in the manifest with its reason."""
    HOLD = "hold"
    """Holds the whole set back, so that the last good set stays."""


class OnSourceRemoved(StrEnum):
    """What happens to the outputs of a model that is gone."""

    KEEP = "keep"
    ARCHIVE = "archive"
    REMOVE = "remove"


class Versions(StrEnum):
    """Which numbered folders beside each other (``net/1``, ``net/2``) are built."""

    ALL = "all"
    """Each is a model of its own."""
    NEWEST = "newest"
    """The highest number that is whole and builds; what older ones published stays."""


class Quantiser(StrEnum):
    """Which implementation makes the quantised variants."""

    AUTO = "auto"
    """The better one for each variant, as measured (docs/adr)."""
    TF_CONVERTER = "tf_converter"
    """TensorFlow's own converter."""
    LITERT_QUANTIZER = "litert_quantizer"
    """ai-edge-quantizer, which works on the finished float32 file."""


class LayerKind(StrEnum):
    """What a weight is to the operators that read it; how much is pruned is set by kind."""

    DENSE = "dense"
    """The matrix of a matrix product, that of attention included."""
    CONV = "conv"
    """The kernel of a convolution or a transposed one."""
    DEPTHWISE = "depthwise"
    """The kernel of a depthwise convolution."""
    RECURRENT = "recurrent"
    """A matrix or kernel that a loop reads, as in LSTM and GRU layers."""
    EMBEDDING = "embedding"
    """A table whose rows are looked up."""


class SparseEncoding(StrEnum):
    """How the zeros of a pruned model are stored."""

    AUTO = "auto"
    """Sparse where that pays, is safe, and gives the same numbers."""
    DENSE = "dense"
    """As zeros among the other weights."""
    SPARSE = "sparse"
    """As indices and the rest (TensorFlow Lite's sparsity parameters)."""


class CStyle(StrEnum):
    """Form of the C array."""

    C = "c"
    """One file for C11 and C++17, and a header."""
    TFLM = "tflm"
    """As TFLM's own generator names it; C++."""
    ARDUINO = "arduino"
    """``g_model`` and ``g_model_len``, as the examples for Arduino and ESP32 call them; C++."""
    INCBIN = "incbin"
    """A few lines of assembler that take in the ``.tflite`` beside it; GNU as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Representative inputs.

    Attributes:
        data: a glob made absolute by the file that named it; empty with ``synthetic`` only.
        samples: at most this many are used, spread evenly over all.
        synthetic: noise from a fixed seed stands in for data; nothing made with it is proven.
    """

    data: str = ""
    samples: int = 200
    synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The budget a variant must keep.

    Attributes:
        data: absolute glob of files; None without.
        min_snr_db: least signal-to-noise ratio of every float output against the source, in dB.
        float32_tolerance: greatest error of the baseline, relative to the source's output range.
        metric: the task's metric on the labels of the data; None judges no accuracy.
        max_drop: greatest loss of accuracy against the source on the same data, absolute: in the
            metric's unit, and for errors their increase.
        output: name of the output that the labels belong to; empty for the only one.
        samples: at most this many labelled samples are used, spread evenly over all.
    """

    data: str | None = None
    min_snr_db: float = 20.0
    float32_tolerance: float = 1e-3
    metric: Metric | None = None
    max_drop: float = 0.01
    output: str = ""
    samples: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedRule:
    """Operators that take another form than their variant's; later rules win.

    Attributes:
        form: the variant whose form they take; ``float32`` leaves them as they are.
        scope: regular expression that the name of an operator's output must match from its start.
        operator: LiteRT's name of the operator, such as ``FULLY_CONNECTED``; ``*`` for any.
    """

    form: Variant
    scope: str = ".*"
    operator: str = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRules:
    """How far ``auto`` looks for layers to keep in float.

    Attributes:
        max_trials: at most this many files are made and judged; 0 searches no layers.
    """

    max_trials: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRules:
    """How the latency of a variant is measured; no part of the build key.

    Attributes:
        enabled: whether it is measured.
        threads: of the interpreter; 0 for as many as the build may use.
        runs: timed invocations at most; slow files get fewer.
    """

    enabled: bool = True
    threads: int = 0
    runs: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Weights set to zero before conversion, the smallest of each tensor first.

    Attributes:
        sparsity: share of zeros in the weights of ``PRUNED_KINDS``; 0 prunes nothing.
        by_kind: share for a kind, in the place of ``sparsity``.
        min_elements: smaller weights are left alone.
        encoding: how the zeros are stored.
    """

    sparsity: float = 0.0
    by_kind: Mapping[LayerKind, float] = field(default_factory=dict)
    min_elements: int = 1024
    encoding: SparseEncoding = SparseEncoding.AUTO

    def share(self, kind: LayerKind) -> float:
        """The share of zeros asked for in weights of a kind."""
        return self.by_kind.get(kind, self.sparsity if kind in PRUNED_KINDS else 0.0)

    @property
    def is_on(self) -> bool:
        """Whether anything is to be pruned."""
        return any(self.share(kind) > 0 for kind in LayerKind)


PRUNED_KINDS = frozenset({LayerKind.DENSE, LayerKind.CONV})
"""Kinds that ``sparsity`` holds for; others are small or sensitive and are named in ``by_kind``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CArray:
    """The C source emitted beside each ``.tflite``."""

    enabled: bool = True
    style: CStyle = CStyle.C
    symbol: str = "g_{model}_{variant}"
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRules:
    """What is kept in the output tree; no part of the build key."""

    keep_builds: int = 3
    on_source_removed: OnSourceRemoved = OnSourceRemoved.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What runs after publication and after failure: an argument list, or an http address."""

    published: tuple[str, ...] | str = ()
    failed: tuple[str, ...] | str = ()
    timeout_seconds: float = 30.0


_AS_THEY_STAND: Final = Preprocess()
_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The resolved policy of one model. Defaults are those of a model without any policy."""

    variants: tuple[Variant, ...] = (Variant.FLOAT32, Variant.DYNAMIC_RANGE, Variant.FLOAT16)
    model_type: ModelType = ModelType.AUTO
    ops: tuple[OperatorSet, ...] = (OperatorSet.TFLITE_BUILTINS,)
    concrete_function: bool = False
    signatures: tuple[str, ...] = ("serving_default",)
    tags: tuple[str, ...] = ("serve",)
    input_shape: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Input name to shape; the empty name stands for the only input."""
    input_type: TensorType = TensorType.FLOAT32
    output_type: TensorType = TensorType.FLOAT32
    per_channel: bool = True
    """A scale for each output channel of a weight tensor, instead of one for the tensor."""
    quantiser: Quantiser = Quantiser.AUTO
    mixed: tuple[MixedRule, ...] = ()
    target: Target = Target.CPU
    versions: Versions = Versions.ALL
    on_reject: OnReject = OnReject.OMIT
    require_proof: bool = False
    custom_objects: str = ""
    """Absolute path of a Python module with the classes of Keras models; empty without one."""
    allow_lambda: bool = False
    """Whether Lambda layers of a Keras file, which are code, may run."""
    check_fingerprint: bool = True
    """Whether a SavedModel that is not what its fingerprint was taken of is refused as torn."""
    calibration: Calibration | None = None
    evaluation: Evaluation = Evaluation()
    auto: AutoRules = AutoRules()
    profile: ProfileRules = ProfileRules()
    prune: Prune = Prune()
    preprocess: Preprocess = _AS_THEY_STAND
    c_array: CArray = CArray()
    output: OutputRules = OutputRules()
    hooks: Hooks = Hooks()
    limits: Limits = _LIMITS

    def conversion_keys(self) -> dict[str, Any]:
        """The keys that decide an artifact's bytes, as plain JSON values.

        Retention, versions, hooks, the profile and limits are left out: changing them rebuilds
        nothing.
        """
        keys = asdict(self)
        for name in ("output", "hooks", "profile", "versions", "limits"):
            del keys[name]
        return keys

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical JSON of ``conversion_keys``."""
        text = json.dumps(self.conversion_keys(), sort_keys=True, separators=(",", ":"))
        return Digest(hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPolicy:
    """A policy and where each of its keys came from.

    Attributes:
        policy: the policy in force.
        origins: dotted key to its origin, for every key of the policy.
        name: the named policy of the main file it started from; "built-in" without one.
    """

    policy: Policy
    origins: Mapping[str, str]
    name: str
