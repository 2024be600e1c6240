"""Owns the shape of policies as pydantic models; unknown keys are refused."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from tflited.domain.limits import Limits
from tflited.domain.policy import (
    AutoRules,
    CStyle,
    LayerKind,
    Metric,
    MixedRule,
    ModelType,
    OnReject,
    OnSourceRemoved,
    OperatorSet,
    Policy,
    Quantiser,
    SparseEncoding,
    Target,
    TensorType,
    Variant,
    Versions,
)
from tflited.settings.preprocess import PreprocessTable

OLDER_VARIANTS: Final = ("OPTIMIZE_FOR_SIZE", "OPTIMIZE_FOR_LATENCY", "DEFAULT")
"""Names of ``tf.lite.Optimize`` that stand for a variant of today."""

SECTIONS: Final = frozenset(
    {
        "calibration",
        "evaluation",
        "preprocess",
        "auto",
        "profile",
        "prune",
        "c_array",
        "output",
        "hooks",
        "limits",
    }
)
"""Keys of a policy that are tables and merge key by key."""

LATER: Final = "not available in this version"

_SLUG: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_METRIC_NAMES: Final = ("", *(metric.value for metric in Metric))
_FORM_NAMES: Final = tuple(name.value for name in Variant if name is not Variant.AUTO)
_VARIANT_NAMES: Final = (*(variant.value for variant in Variant), *OLDER_VARIANTS)
_DEFAULT: Final = Policy()
_LIMITS: Final = Limits()


def refuse(allowed: str) -> PydanticCustomError:
    """The error of a value that is none of what is allowed."""
    return PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})


def _choice(value: str, names: Iterable[str]) -> str:
    if value not in names:
        expected = ", ".join(f"'{name}'" for name in names)
        raise PydanticCustomError("enum", "one of {expected}", {"expected": expected})
    return value


def _variant(value: str) -> str:
    return _choice(value, _VARIANT_NAMES)


def _form(value: Variant) -> Variant:
    if value is Variant.AUTO:
        raise refuse(f"the form of an operator: {', '.join(_FORM_NAMES)}")
    return value


def _metric(value: str) -> str:
    return _choice(value, _METRIC_NAMES)


def _shape(value: object) -> tuple[int, ...]:
    if isinstance(value, list | tuple) and value:
        sizes = tuple(size for size in value if type(size) is int and size > 0)
        if len(sizes) == len(value):
            return sizes
    raise refuse("a list of whole numbers above 0, or a table of such lists by input name")


def _input_shape(value: object) -> dict[str, tuple[int, ...]]:
    table = value if isinstance(value, dict) else {"": value}
    return {str(name): _shape(shape) for name, shape in table.items()}


def _hook(value: object) -> tuple[str, ...] | str:
    if isinstance(value, str) and re.fullmatch(r"https?://[^\s/]\S*", value):
        return value
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise refuse("a list of program and arguments, or an http or https address")


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise refuse(f"a regular expression ({error})") from error
    return value


def _place(value: str) -> str:
    if value == "~" or value.startswith("~/"):
        raise refuse("a path without ~, which is not expanded")
    return value


VariantName = Annotated[
    StrictStr,
    AfterValidator(_variant),
    WithJsonSchema({"type": "string", "enum": list(_VARIANT_NAMES)}),
]
MetricName = Annotated[
    StrictStr,
    AfterValidator(_metric),
    WithJsonSchema({"type": "string", "enum": list(_METRIC_NAMES)}),
]
_SHAPE_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "integer", "minimum": 1},
    "minItems": 1,
}
InputShape = Annotated[
    dict[str, tuple[int, ...]],
    PlainValidator(_input_shape),
    WithJsonSchema(
        {"anyOf": [_SHAPE_SCHEMA, {"type": "object", "additionalProperties": _SHAPE_SCHEMA}]}
    ),
]
Hook = Annotated[
    Any,  # a union would put pydantic's own words into the key of a problem
    PlainValidator(_hook),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "string", "pattern": "^https?://"},
            ]
        }
    ),
]
Slug = Annotated[StrictStr, Field(pattern=_SLUG)]
PathText = Annotated[StrictStr, Field(min_length=1, pattern=r"^[^\x00]+$"), AfterValidator(_place)]
Glob = Annotated[StrictStr, Field(pattern=r"^[^\x00]*$"), AfterValidator(_place)]
ModulePath = Annotated[
    StrictStr, Field(pattern=r"^([^\x00]*[^\x00/]\.py)?$"), AfterValidator(_place)
]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[StrictInt, Field(ge=0, le=2**50)]
Share = Annotated[Number, Field(ge=0, lt=1)]
Seconds = Annotated[Number, Field(gt=0, le=604_800)]
_Name = Annotated[StrictStr, Field(min_length=1)]
Names = Annotated[tuple[_Name, ...], Field(min_length=1)]


class Table(BaseModel):
    """Every table of a file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CalibrationTable(Table):
    """Representative inputs. An empty ``data`` switches calibration off, unless by noise."""

    data: Glob = ""
    samples: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 200
    synthetic: StrictBool = False


class EvaluationTable(Table):
    """The budget a variant must keep.

    An empty ``data`` means generated inputs, an empty ``metric`` that no accuracy is judged, an
    empty ``output`` the only one.
    """

    data: Glob = ""
    min_snr_db: Annotated[Number, Field(ge=-200, le=200)] = _DEFAULT.evaluation.min_snr_db
    float32_tolerance: Annotated[Number, Field(gt=0, le=1)] = _DEFAULT.evaluation.float32_tolerance
    metric: MetricName = ""
    max_drop: Annotated[Number, Field(ge=0)] = _DEFAULT.evaluation.max_drop
    output: StrictStr = _DEFAULT.evaluation.output
    samples: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = _DEFAULT.evaluation.samples


class MixedTable(Table):
    """Operators that take another form than their variant's."""

    form: Annotated[
        Variant,
        AfterValidator(_form),
        WithJsonSchema({"type": "string", "enum": list(_FORM_NAMES)}),
    ]
    scope: Annotated[StrictStr, AfterValidator(_expression)] = MixedRule(form=Variant.FLOAT32).scope
    operator: Annotated[StrictStr, Field(pattern=r"^(\*|[A-Z][A-Z0-9_]*)$")] = "*"


class AutoTable(Table):
    """How far ``auto`` looks for layers to keep in float."""

    max_trials: Annotated[StrictInt, Field(ge=0, le=1000)] = AutoRules().max_trials


class ProfileTable(Table):
    """How the latency of what is published is measured. No ``threads`` means the build's."""

    enabled: StrictBool = _DEFAULT.profile.enabled
    threads: Annotated[StrictInt, Field(ge=0, le=64)] = _DEFAULT.profile.threads
    runs: Annotated[StrictInt, Field(ge=1, le=1000)] = _DEFAULT.profile.runs


class PruneTable(Table):
    """Weights that are set to zero before conversion. ``sparsity = 0`` prunes none."""

    sparsity: Share = _DEFAULT.prune.sparsity
    by_kind: dict[LayerKind, Share] = Field(default_factory=dict)
    min_elements: Annotated[StrictInt, Field(ge=1, le=2**40)] = _DEFAULT.prune.min_elements
    encoding: SparseEncoding = _DEFAULT.prune.encoding


class CArrayTable(Table):
    """The C source beside each ``.tflite``."""

    enabled: StrictBool = _DEFAULT.c_array.enabled
    style: CStyle = _DEFAULT.c_array.style
    symbol: Annotated[
        StrictStr,
        Field(pattern=r"^([A-Za-z_]|\{model\}|\{variant\})([A-Za-z0-9_]|\{model\}|\{variant\})*$"),
    ] = _DEFAULT.c_array.symbol
    section: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_.$,-]*$")] = _DEFAULT.c_array.section


class OutputTable(Table):
    """What is kept in the output tree."""

    keep_builds: Annotated[StrictInt, Field(ge=0, le=1000)] = _DEFAULT.output.keep_builds
    on_source_removed: OnSourceRemoved = _DEFAULT.output.on_source_removed


class HooksTable(Table):
    """What runs after publication and after failure."""

    published: Hook = ()
    failed: Hook = ()
    timeout_seconds: Annotated[Number, Field(gt=0, le=3600)] = _DEFAULT.hooks.timeout_seconds


class LimitsTable(Table):
    """What one attempt may use; 0 means no limit. No ``wall_seconds`` means the daemon's."""

    wall_seconds: Annotated[Number, Field(ge=0, le=604_800)] = _LIMITS.wall_seconds
    cpu_seconds: Count = _LIMITS.cpu_seconds
    memory_bytes: Count = _LIMITS.memory_bytes
    scratch_bytes: Count = _LIMITS.scratch_bytes
    output_bytes: Count = _LIMITS.output_bytes
    model_files: Count = _LIMITS.model_files
    model_bytes: Count = _LIMITS.model_bytes
    archive_bytes: Count = _LIMITS.archive_bytes


class PolicyTable(Table):
    """A folder policy or a trigger's override; what it does not name is inherited."""

    variants: Annotated[tuple[VariantName, ...], Field(min_length=1)] = tuple(
        variant.value for variant in _DEFAULT.variants
    )
    model_type: ModelType = _DEFAULT.model_type
    ops: Annotated[tuple[OperatorSet, ...], Field(min_length=1)] = _DEFAULT.ops
    concrete_function: StrictBool = _DEFAULT.concrete_function
    signatures: Names = _DEFAULT.signatures
    tags: tuple[_Name, ...] = _DEFAULT.tags
    input_shape: InputShape = Field(default_factory=dict)
    input_type: TensorType = _DEFAULT.input_type
    output_type: TensorType = _DEFAULT.output_type
    per_channel: StrictBool = _DEFAULT.per_channel
    quantiser: Quantiser = _DEFAULT.quantiser
    mixed: tuple[MixedTable, ...] = ()
    target: Target = _DEFAULT.target
    versions: Versions = _DEFAULT.versions
    on_reject: OnReject = _DEFAULT.on_reject
    require_proof: StrictBool = _DEFAULT.require_proof
    custom_objects: ModulePath = _DEFAULT.custom_objects
    allow_lambda: StrictBool = _DEFAULT.allow_lambda
    check_fingerprint: StrictBool = _DEFAULT.check_fingerprint
    calibration: CalibrationTable = CalibrationTable()
    evaluation: EvaluationTable = EvaluationTable()
    auto: AutoTable = AutoTable()
    profile: ProfileTable = ProfileTable()
    prune: PruneTable = PruneTable()
    preprocess: PreprocessTable = PreprocessTable()
    c_array: CArrayTable = CArrayTable()
    output: OutputTable = OutputTable()
    limits: LimitsTable = LimitsTable()


class MainPolicyTable(PolicyTable):
    """A named policy of the main file, which alone may name hooks."""

    hooks: HooksTable = HooksTable()
