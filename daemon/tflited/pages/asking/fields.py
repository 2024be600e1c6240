"""Every field of the form, in groups: what is asked for often stands first and is always open."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tflited.domain.policy import (
    CStyle,
    Metric,
    ModelType,
    OnReject,
    OperatorSet,
    Quantiser,
    SparseEncoding,
    Target,
    TensorType,
    Variant,
)
from tflited.pages.asking.field import Field, Look, names, number, shapes, table, truth, whole

POLICY: Final = "policy.override"
KNOWN_MODELS: Final = "known-models"
_AS_IS: Final = ("", "as the policy says")
_YES_NO: Final = (_AS_IS, ("true", "yes"), ("false", "no"))
_VARIANTS: Final = {
    Variant.FLOAT32: "no quantisation: the baseline",
    Variant.DYNAMIC_RANGE: "8-bit weights, float activations",
    Variant.FLOAT16: "16-bit float weights",
    Variant.INT8: "8-bit integers only; needs calibration data",
    Variant.INT8_FLOAT_FALLBACK: "8-bit, float where there is no integer form; needs data",
    Variant.INT16X8: "16-bit activations, 8-bit weights; needs data",
    Variant.WEIGHT_ONLY_INT8: "8-bit weights, unpacked before use",
    Variant.WEIGHT_ONLY_INT4: "4-bit weights, unpacked before use",
    Variant.AUTO: "the smallest of the target's variants inside the budget",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Fields that belong together; ``is_open`` where they are asked for often."""

    title: str
    fields: tuple[Field, ...]
    is_open: bool = False


def _listed(values: type[StrEnum], *, has_default: bool = True) -> tuple[tuple[str, str], ...]:
    named = tuple((value.value, value.value) for value in values)
    return (_AS_IS, *named) if has_default else named


def _choice(key: str, label: str, told: str, values: type[StrEnum]) -> Field:
    return Field(key=key, label=label, help=told, look=Look.CHOICE, choices=_listed(values))


def _yes_no(key: str, label: str, told: str) -> Field:
    return Field(key=key, label=label, help=told, look=Look.CHOICE, choices=_YES_NO, read=truth)


_MODEL: Final = Group(
    title="Model",
    is_open=True,
    fields=(
        Field(
            key="model.path",
            label="Path",
            help="Inside a root: ROOT/PATH, PATH below a root, or absolute.",
            known=KNOWN_MODELS,
        ),
        Field(
            key="model.hub",
            label="or a TensorFlow Hub handle",
            help="An https address, or an absolute path inside a root, in place of the path.",
        ),
        Field(
            key="model.input_shape",
            label="Input shape of the Hub module",
            help="With a handle only: 1,224,224,3, or NAME=1,4 on a line for each input.",
            look=Look.AREA,
            read=shapes,
        ),
    ),
)

_RESULT: Final = Group(
    title="What to make",
    is_open=True,
    fields=(
        Field(
            key=f"{POLICY}.variants",
            label="Optimisations",
            help="None ticked: those of the policy.",
            look=Look.SEVERAL,
            choices=tuple(
                (name.value, f"{name.value}: {told}") for name, told in _VARIANTS.items()
            ),
        ),
        Field(
            key="policy.name",
            label="Policy",
            help="A named policy of the main file in place of the folder's.",
            look=Look.CHOICE,
            choices=(("", "the folder's"),),
        ),
        _choice(f"{POLICY}.target", "Target", "Where it will run: what must be proven.", Target),
        _yes_no(f"{POLICY}.c_array.enabled", "C array", "A .c and .h beside each .tflite."),
        Field(
            key="save_to",
            label="Save to",
            help="A path below the output tree; empty: the place that mirrors the root.",
        ),
    ),
)

_QUEUE: Final = Group(
    title="When",
    is_open=True,
    fields=(
        Field(
            key="priority",
            label="Priority",
            help="9 goes first, 0 last; a watch has 5.",
            look=Look.CHOICE,
            choices=tuple((str(each), str(each)) for each in range(10)),
            value="5",
            read=whole,
        ),
        Field(
            key="force",
            label="Build even when nothing changed",
            help="A Hub handle is asked again first.",
            look=Look.SWITCH,
            read=truth,
        ),
    ),
)

_OPENED: Final = Group(
    title="How the model is opened",
    fields=(
        Field(
            key="model.type",
            label="Type",
            help="What the model is; refused where it is something else.",
            look=Look.CHOICE,
            choices=_listed(ModelType, has_default=False),
            value=ModelType.AUTO.value,
        ),
        Field(
            key=f"{POLICY}.signatures",
            label="Signatures",
            help="Of a SavedModel, with commas between; * for every one.",
            read=names,
        ),
        Field(
            key=f"{POLICY}.tags",
            label="Tags",
            help="Of a SavedModel's graph, with commas between.",
            read=names,
        ),
        _yes_no(
            f"{POLICY}.concrete_function",
            "Concrete function",
            "Convert one traced signature instead of the whole SavedModel.",
        ),
        Field(
            key=f"{POLICY}.input_shape",
            label="Input shape",
            help="Fixes open dimensions: 1,224,224,3, or NAME=1,4 on a line for each input.",
            look=Look.AREA,
            read=shapes,
        ),
    ),
)

_TYPES: Final = Group(
    title="Operators and types",
    fields=(
        Field(
            key=f"{POLICY}.ops",
            label="Operator sets",
            help="What the artifact may use; none ticked: as the policy says.",
            look=Look.SEVERAL,
            choices=_listed(OperatorSet, has_default=False),
        ),
        _choice(f"{POLICY}.input_type", "Input type", "8 bits need an int8 variant.", TensorType),
        _choice(f"{POLICY}.output_type", "Output type", "As the input type.", TensorType),
        _choice(f"{POLICY}.quantiser", "Quantiser", "Who makes quantised variants.", Quantiser),
        _yes_no(f"{POLICY}.per_channel", "Per channel", "A scale for each output channel."),
    ),
)

_DATA: Final = Group(
    title="Calibration and evaluation data",
    fields=(
        Field(
            key=f"{POLICY}.calibration.data",
            label="Calibration data",
            help="Glob of files with real inputs, relative to the root: calibration/*.npz.",
        ),
        Field(
            key=f"{POLICY}.calibration.samples",
            label="Calibration samples",
            help="How many are used at most.",
            read=whole,
        ),
        _yes_no(
            f"{POLICY}.calibration.synthetic",
            "Synthetic calibration",
            "Noise stands in for data; what it calibrates stays unverified.",
        ),
        Field(
            key=f"{POLICY}.evaluation.data",
            label="Evaluation data",
            help="Glob of files that closeness and accuracy are measured on.",
        ),
        _choice(f"{POLICY}.evaluation.metric", "Metric", "Needs labels in the data.", Metric),
        Field(
            key=f"{POLICY}.evaluation.max_drop",
            label="Greatest loss of accuracy",
            help="Absolute, against the source: 0.01.",
            read=number,
        ),
        Field(
            key=f"{POLICY}.evaluation.min_snr_db",
            label="Least signal-to-noise ratio",
            help="Of every float output, in dB: 20.",
            read=number,
        ),
    ),
)

_PRUNING: Final = Group(
    title="Pruning",
    fields=(
        Field(
            key=f"{POLICY}.prune.sparsity",
            label="Sparsity",
            help="Share of weights set to zero, from 0 to below 1: 0.5.",
            read=number,
        ),
        _choice(f"{POLICY}.prune.encoding", "Encoding", "How zeros are stored.", SparseEncoding),
    ),
)

_PROOF: Final = Group(
    title="Proof",
    fields=(
        _choice(f"{POLICY}.on_reject", "On reject", "Leave out, or hold the set back.", OnReject),
        _yes_no(f"{POLICY}.require_proof", "Require proof", "Unverified counts as rejected."),
    ),
)

_C_ARRAY: Final = Group(
    title="C array",
    fields=(
        _choice(f"{POLICY}.c_array.style", "Style", "Form of the C source.", CStyle),
        Field(
            key=f"{POLICY}.c_array.symbol",
            label="Symbol",
            help="Name of the array; {model} and {variant} are replaced: g_{model}_{variant}.",
        ),
        Field(
            key=f"{POLICY}.c_array.section",
            label="Section",
            help="Linker section of the array.",
        ),
    ),
)

_OTHERS: Final = Group(
    title="Other keys of a policy",
    fields=(
        Field(
            key=POLICY,
            label="Keys",
            help="KEY = VALUE on each line, as in .tflited.toml.",
            look=Look.AREA,
            read=table,
        ),
    ),
)

GROUPS: Final = (
    _MODEL, _RESULT, _QUEUE, _OPENED, _TYPES, _DATA, _PRUNING, _PROOF, _C_ARRAY, _OTHERS,
)  # fmt: skip


def fields(groups: Iterable[Group] = GROUPS) -> tuple[Field, ...]:
    """All fields in their order."""
    return tuple(field for group in groups for field in group.fields)


FIELDS: Final = {field.key: field for field in fields()}
"""Key to field."""
