"""Owns how policy tables lie on each other: key by key, the later table wins."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from glob import escape, has_magic
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tflited.domain.limits import Limits
from tflited.domain.policy import (
    AutoRules,
    Calibration,
    CArray,
    Evaluation,
    Hooks,
    Metric,
    MixedRule,
    OutputRules,
    Policy,
    ProfileRules,
    Prune,
    Quantiser,
    ResolvedPolicy,
    SparseEncoding,
    Target,
    TensorType,
    Variant,
)
from tflited.domain.ports import Root
from tflited.domain.preprocess import Preprocess
from tflited.errors import Problem
from tflited.settings.preprocess import data_contradictions
from tflited.settings.problems import shown
from tflited.settings.schema import OLDER_VARIANTS, SECTIONS, MainPolicyTable, PolicyTable

BUILT_IN: Final = "built-in"
"""Origin of a key that nothing names, and the name of the policy without a named one."""

DATA_KEYS: Final = ("calibration.data", "evaluation.data")
MODULE_KEY: Final = "custom_objects"
LAMBDA_KEY: Final = "allow_lambda"
_CARRIERS: Final = {
    TensorType.INT8: frozenset({Variant.INT8, Variant.INT8_FLOAT_FALLBACK, Variant.AUTO}),
    TensorType.UINT8: frozenset({Variant.INT8, Variant.INT8_FLOAT_FALLBACK, Variant.AUTO}),
    TensorType.INT16: frozenset({Variant.INT16X8, Variant.AUTO}),
}
"""Variants whose inputs and outputs can have an integer type (``tf.lite.TFLiteConverter``)."""

_OLDER: Final = frozenset({"OPTIMIZE_FOR_SIZE", "OPTIMIZE_FOR_LATENCY"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """The keys that one place names, by dotted key; itself only, so that a chain is a cache key."""

    origin: str
    leaves: Mapping[str, Any] = field(default_factory=dict)


def leaves_of(table: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted key to value; ``input_shape`` is one value, for half a shape means nothing.

    So is ``prune.by_kind``: the nearest file that has one says everything about kinds.
    """
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if key in SECTIONS:
            flat |= {f"{key}.{inner}": item for inner, item in value.items()}
        else:
            flat[key] = value
    return flat


def named_leaves(table: PolicyTable) -> dict[str, Any]:
    """The keys that a validated table names itself."""
    return leaves_of(table.model_dump(exclude_unset=True))


BUILT_IN_LAYER: Final = Layer(origin=BUILT_IN, leaves=leaves_of(MainPolicyTable().model_dump()))
"""Every key of a policy with its default."""


def merge(layers: Iterable[Layer], *, name: str) -> ResolvedPolicy:
    """Lays the layers on the built-in one, the nearest last.

    Args:
        layers: what is named, farthest first.
        name: the named policy that the chain started from.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in (BUILT_IN_LAYER, *layers):
        values |= layer.leaves
        origins |= dict.fromkeys(layer.leaves, layer.origin)
    policy = policy_from(values)
    if note := _translation(values["variants"], policy):
        origins["variants"] += f" ({note})"
    return ResolvedPolicy(policy=policy, origins=origins, name=name)


def _translation(names: Iterable[str], policy: Policy) -> str:
    """What older names among the variants were read as, and why."""
    has_data = policy.calibration is not None and bool(policy.calibration.data)
    reason = f"; calibration data is {'' if has_data else 'not '}named"
    return ", ".join(
        f"{name} means {_variant(name, has_data=has_data)}{reason if name == 'DEFAULT' else ''}"
        for name in dict.fromkeys(names)
        if name in OLDER_VARIANTS
    )


def contradictions(resolved: ResolvedPolicy) -> tuple[Problem, ...]:
    """Keys that no artifact of the policy could follow, each told at the place that set it."""
    return (
        *_uncarried_types(resolved),
        *_unmixable(resolved),
        *_untraceable(resolved),
        *_idle_budget(resolved),
        *_unsafe_encoding(resolved),
        *_idle_encoding(resolved),
        *data_contradictions(resolved),
    )


def _idle_encoding(resolved: ResolvedPolicy) -> Iterator[Problem]:
    """A form for zeros that nothing makes; a nearer file that prunes nothing is no mistake."""
    policy, origins = resolved.policy, resolved.origins
    asks = {origins["prune.sparsity"], origins["prune.by_kind"]} - {BUILT_IN}
    if policy.prune.encoding is SparseEncoding.SPARSE and not policy.prune.is_on and not asks:
        yield Problem(
            file=origins["prune.encoding"],
            key="prune.encoding",
            observed='"sparse" without anything to prune',
            allowed="only beside prune.sparsity or prune.by_kind; a share below that of a model "
            "pruned in training keeps its zeros",
        )


def _unsafe_encoding(resolved: ResolvedPolicy) -> Iterator[Problem]:
    """What a target cannot read is refused before anything is built for it."""
    policy = resolved.policy
    if policy.prune.encoding is not SparseEncoding.SPARSE or policy.target is Target.CPU:
        return
    reason = {
        Target.MICRO: "TensorFlow Lite for Microcontrollers computes garbage on it in silence",
        Target.EDGETPU: "the Edge TPU's compiler has no sparse tensors",
        Target.GPU: "the GPU delegate has no sparse tensors",
    }[policy.target]
    yield Problem(
        file=resolved.origins["prune.encoding"],
        key="prune.encoding",
        observed=f'"sparse" with target = "{policy.target}"',
        allowed=f'"auto" or "dense" for this target: {reason}',
    )


def _idle_budget(resolved: ResolvedPolicy) -> Iterator[Problem]:
    """A budget that nothing measures; a nearer file that switches the metric off is no mistake."""
    origins = resolved.origins
    if resolved.policy.evaluation.metric is not None or origins["evaluation.metric"] != BUILT_IN:
        return
    for key in ("evaluation.max_drop", "evaluation.output"):
        if origins[key] != BUILT_IN:
            allowed = f"only beside evaluation.metric: {', '.join(Metric)}"
            yield Problem(
                file=origins[key], key=key, observed="given without a metric", allowed=allowed
            )


def _untraceable(resolved: ResolvedPolicy) -> tuple[Problem, ...]:
    policy = resolved.policy
    if not policy.concrete_function or len(policy.signatures) == 1:
        return ()
    return (
        Problem(
            file=resolved.origins["concrete_function"],
            key="concrete_function",
            observed=f"true with {len(policy.signatures)} signatures",
            allowed="true with one signature: one function is traced",
        ),
    )


def _unmixable(resolved: ResolvedPolicy) -> tuple[Problem, ...]:
    policy = resolved.policy
    if not policy.mixed or policy.quantiser is not Quantiser.TF_CONVERTER:
        return ()
    return (
        Problem(
            file=resolved.origins["mixed"],
            key="mixed",
            observed=f'{len(policy.mixed)} rules with quantiser = "{policy.quantiser}"',
            allowed='rules with quantiser = "auto" or "litert_quantizer"',
        ),
    )


def _uncarried_types(resolved: ResolvedPolicy) -> tuple[Problem, ...]:
    policy = resolved.policy
    types = {"input_type": policy.input_type, "output_type": policy.output_type}
    return tuple(
        Problem(
            file=resolved.origins[key],
            key=key,
            observed=f'"{asked}" with the variants {", ".join(policy.variants)}',
            allowed=f"this type with {' or '.join(sorted(_CARRIERS[asked]))} among the variants",
        )
        for key, asked in types.items()
        if asked in _CARRIERS and not _CARRIERS[asked] & set(policy.variants)
    )


def policy_from(leaves: Mapping[str, Any]) -> Policy:
    """The policy that a full set of validated leaves describes."""
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    plain: dict[str, Any] = {}
    for key, value in leaves.items():
        section, _, inner = key.partition(".")
        if inner:
            sections[section][inner] = value
        else:
            plain[key] = value
    calibration = sections["calibration"]
    has_data = bool(calibration["data"])
    plain["variants"] = _variants(plain["variants"], has_data=has_data)
    plain["mixed"] = tuple(MixedRule(**rule) for rule in plain["mixed"])
    return Policy(
        **plain,
        calibration=Calibration(**calibration) if has_data or calibration["synthetic"] else None,
        evaluation=_evaluation(sections["evaluation"]),
        auto=AutoRules(**sections["auto"]),
        profile=ProfileRules(**sections["profile"]),
        prune=Prune(**sections["prune"]),
        preprocess=Preprocess(**sections["preprocess"]),
        c_array=CArray(**sections["c_array"]),
        output=OutputRules(**sections["output"]),
        hooks=Hooks(**sections["hooks"]),
        limits=Limits(**sections["limits"]),
    )


def _evaluation(leaves: Mapping[str, Any]) -> Evaluation:
    metric = Metric(leaves["metric"]) if leaves["metric"] else None
    return Evaluation(**{**leaves, "data": leaves["data"] or None, "metric": metric})


def _variants(names: Iterable[str], *, has_data: bool) -> tuple[Variant, ...]:
    return tuple(dict.fromkeys(_variant(name, has_data=has_data) for name in names))


def _variant(name: str, *, has_data: bool) -> Variant:
    if name in _OLDER:
        return Variant.DYNAMIC_RANGE
    if name == "DEFAULT":
        return Variant.INT8_FLOAT_FALLBACK if has_data else Variant.DYNAMIC_RANGE
    return Variant(name)


def anchored(pattern: str, folder: Path) -> str:
    """The pattern as an absolute glob; the folder's own name is taken literally."""
    if not pattern:
        return ""
    return os.path.normpath(Path(escape(str(folder)), pattern))


def anchor_data(leaves: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The leaves with their paths made absolute against the folder that named them."""
    found = dict(leaves)
    for key in DATA_KEYS:
        if key in leaves:
            found[key] = anchored(leaves[key], folder)
    if leaves.get(MODULE_KEY):
        found[MODULE_KEY] = os.path.normpath(folder / leaves[MODULE_KEY])
    return found


def escaping_globs(
    leaves: Mapping[str, Any], folder: Path, roots: Iterable[Path], *, file: str
) -> tuple[Problem, ...]:
    """Paths that reach out of the roots, by ``..``, an absolute path or a link.

    Args:
        leaves: as they stand in the file, not yet anchored.
        folder: what relative globs are relative to.
        roots: what they must stay inside.
        file: named in the problems.
    """
    inside = tuple(roots)
    return tuple(
        Problem(
            file=file,
            key=key,
            observed=f'"{leaves[key]}"',
            allowed="files inside a root: others are named in the main file",
        )
        for key in (*DATA_KEYS, MODULE_KEY)
        if leaves.get(key) and not _stays_inside(leaves[key], folder, inside)
    )


def untrusted(
    leaves: Mapping[str, Any], root: Root, trusted: Iterable[Path], *, file: str
) -> tuple[Problem, ...]:
    """Keys that let code run, named where or from where anybody may write who drops models.

    Args:
        leaves: of a folder policy or an override; relative paths are relative to the root.
        root: the root that the policy holds for.
        trusted: the directories of the trusted roots.
        file: named in the problems.
    """
    if not root.is_trusted:
        keys = [key for key in (MODULE_KEY, LAMBDA_KEY) if leaves.get(key)]
        return tuple(_needs_trust(key, leaves[key], file=file) for key in keys)
    module = leaves.get(MODULE_KEY)
    if not module or _stays_inside(module, root.path, tuple(trusted)):
        return ()
    allowed = "a module inside a root that is trusted itself, or named in the main file"
    return (Problem(file=file, key=MODULE_KEY, observed=shown(module), allowed=allowed),)


def untrusted_lambda(resolved: ResolvedPolicy) -> tuple[Problem, ...]:
    """Lambdas come with the model, so no policy allows them below a root that is not trusted."""
    if not resolved.policy.allow_lambda:
        return ()
    return (_needs_trust(LAMBDA_KEY, True, file=resolved.origins[LAMBDA_KEY]),)


def _needs_trust(key: str, value: object, *, file: str) -> Problem:
    where = "the main file's policies, or " if key == MODULE_KEY else ""
    return Problem(
        file=file,
        key=key,
        observed=f"{shown(value)} below a root that is not trusted",
        allowed=f"{where}below a [[root]] with trusted = true: it runs code of whoever may write "
        "there",
    )


def _stays_inside(pattern: str, folder: Path, roots: tuple[Path, ...]) -> bool:
    """Looks at the text and at where the part before the first wildcard really is."""
    lexical = Path(os.path.normpath(folder / pattern))
    if not any(lexical.is_relative_to(root) for root in roots):
        return False
    fixed = folder
    for part in PurePosixPath(pattern).parts:
        if has_magic(part):
            break
        fixed /= part
    real = Path(os.path.realpath(fixed))
    return any(real.is_relative_to(os.path.realpath(root)) for root in roots)
