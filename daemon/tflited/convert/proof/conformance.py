"""Checks that a file is what its variant claims, by reading it; nothing runs here.

The converter answers several requests with a float file and no error (small layers, float16
without an optimisation, operators without integer kernels), so what was asked is looked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tflited.convert.tflite.claims import ACTIVATION_TYPES, WEIGHT_TYPES, io_types
from tflited.convert.tflite.flatbuffer import Flatbuffer, Operator, Subgraph, Tensor
from tflited.domain.figures import Check, CheckResult, TensorSpec
from tflited.domain.policy import MixedRule, OperatorSet, Policy, Variant

_BITS: Final = {"int4": 4, "int8": 8, "float16": 16}
_MIN_SHARE: Final = 0.5
"""Share of weight elements that must have the type that was asked."""
_SMALL_LAYER: Final = 1024
"""The converter leaves weights with fewer elements in float (dynamic range quantisation)."""
_LISTED: Final = 5
"""Outputs named in a hint."""
_EDGES: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})
_FLOATS: Final = frozenset({"float16", "float32", "float64"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A file and its size."""

    flatbuffer: Flatbuffer
    size_bytes: int


def checks(
    variant: Variant,
    policy: Policy,
    file: Measured,
    baseline: Measured,
    source: tuple[Sequence[TensorSpec], Sequence[TensorSpec]],
) -> tuple[Check, ...]:
    """Everything that can be told of a variant without running it.

    Args:
        variant: what the file claims to be.
        policy: ``ops``, ``input_type`` and ``output_type``.
        file: the variant.
        baseline: the float32 file of the same source.
        source: inputs and outputs of the source, by signature name.
    """
    found = _io_checks(variant, policy, file.flatbuffer, source)
    if variant in WEIGHT_TYPES:
        found += [
            _weights(variant, policy, file.flatbuffer),
            _size(variant, policy, file, baseline),
        ]
    if variant in ACTIVATION_TYPES:
        found.append(_activations(variant, policy, file.flatbuffer))
    if variant is not Variant.FLOAT32:
        found += [_matched(rule, baseline.flatbuffer) for rule in policy.mixed]
    return tuple(found)


def _matched(rule: MixedRule, baseline: Flatbuffer) -> Check:
    """A rule that names nothing would leave the model as it is, and nobody would notice."""
    names = [
        graph.tensors[entry.outputs[0]].name
        for graph in baseline.subgraphs
        for entry in graph.operators
        if entry.outputs and rule.operator in {"*", entry.name}
    ]
    count = sum(re.match(rule.scope, name) is not None for name in names)
    some = ", ".join(names[:_LISTED]) or "none"
    return _check(
        "mixed_rule",
        is_passed=count > 0,
        observed=f"{rule.operator} in {rule.scope!r}: {count} operators",
        allowed="at least 1",
        hint=f"correct the rule; {rule.operator} has outputs like {some}"
        if names
        else f"correct the rule; the operators are {', '.join(baseline.operators)}",
    )


def _io_checks(
    variant: Variant,
    policy: Policy,
    file: Flatbuffer,
    source: tuple[Sequence[TensorSpec], Sequence[TensorSpec]],
) -> list[Check]:
    asked = io_types(variant, policy)
    sides = zip(
        ("input_type", "output_type"), source, (file.inputs, file.outputs), asked, strict=True
    )
    return [
        _io_check(name, {spec.name: spec.dtype for spec in wanted}, found, target.value)
        for name, wanted, found, target in sides
    ]


def _io_check(name: str, source: dict[str, str], found: Sequence[TensorSpec], target: str) -> Check:
    """A float tensor of the source has the type asked for; any other keeps its own."""
    wanted = {
        spec.name: target if source.get(spec.name, "float32") == "float32" else source[spec.name]
        for spec in found
    }
    observed = {spec.name: spec.dtype for spec in found}
    return _check(
        name,
        is_passed=observed == wanted,
        observed=_listed(observed),
        allowed=_listed(wanted),
        hint=f"choose another {name}, or a variant that supports it",
    )


def _weights(variant: Variant, policy: Policy, file: Flatbuffer) -> Check:
    forms = (variant, *(rule.form for rule in policy.mixed))
    types = {WEIGHT_TYPES.get(form, "float32") for form in forms}
    asked = " or ".join(sorted(types))
    done = sum(tensor.elements for tensor in file.constants if tensor.dtype in types)
    left = [
        tensor.elements
        for tensor in file.constants
        if tensor.dtype == "float32" and "float32" not in types
    ]
    share = done / max(done + sum(left), 1)
    result = CheckResult.PASSED if share >= _MIN_SHARE else CheckResult.UNPROVEN
    return Check(
        name="weights_type",
        result=result if done else CheckResult.FAILED,
        observed=f"{share:.0%} of {done + sum(left)} weight elements are {asked}"
        + (f", the largest that is not has {max(left)}" if left else ""),
        allowed=f"at least {_MIN_SHARE:.0%} {asked}",
        hint="" if share >= _MIN_SHARE else _weights_hint(variant, left),
    )


def _weights_hint(variant: Variant, left: Sequence[int]) -> str:
    if variant is Variant.DYNAMIC_RANGE and max(left, default=0) < _SMALL_LAYER:
        return (
            f"every layer has fewer than {_SMALL_LAYER} weights, which this variant leaves in "
            "float: use weight_only_int8 or int8"
        )
    return "the layers of this model have no such form: use another variant"


def _size(variant: Variant, policy: Policy, file: Measured, baseline: Measured) -> Check:
    """At least half of what the weights promise must be saved; few weights promise little.

    Mixed rules promise nothing: how much they take is the reader's choice.
    """
    weights = baseline.flatbuffer.weights_bytes.get("float32", 0)
    saved = 0.0 if policy.mixed else 1 - _BITS[WEIGHT_TYPES[variant]] / 32
    promise = weights * saved / baseline.size_bytes
    allowed = 1.0 - promise / 2
    ratio = file.size_bytes / baseline.size_bytes
    is_small = weights < baseline.size_bytes / 2
    result = CheckResult.UNPROVEN if is_small else CheckResult.FAILED
    return Check(
        name="size_ratio",
        result=CheckResult.PASSED if ratio <= allowed else result,
        observed=f"{ratio:.3f} of float32, whose weights are "
        f"{weights / baseline.size_bytes:.0%} of the file",
        allowed=f"at most {allowed:.3f}",
        hint="" if ratio <= allowed else "the variant saves too little here: use float32",
    )


def _activations(variant: Variant, policy: Policy, file: Flatbuffer) -> Check:
    asked = ACTIVATION_TYPES[variant]
    is_strict = not policy.mixed and (
        variant is Variant.INT8
        or (variant is Variant.INT16X8 and OperatorSet.TFLITE_BUILTINS not in policy.ops)
    )
    floats = sorted({entry.name for graph in file.subgraphs for entry in _float_operators(graph)})
    integers = sum(
        _computes(graph, entry, asked) for graph in file.subgraphs for entry in graph.operators
    )
    is_passed = integers > 0 and not (is_strict and floats)
    return _check(
        "operator_types",
        is_passed=is_passed,
        observed=f"{integers} operators on {asked}, "
        + (f"in float: {', '.join(floats)}" if floats else "none in float"),
        allowed=f"every operator on integers, {asked} activations"
        if is_strict
        else f"at least 1 operator on {asked}",
        hint=f"{', '.join(floats)} stay in float: rewrite the model without, or use "
        "int8_float_fallback"
        if floats
        else "use another variant",
    )


def _float_operators(graph: Subgraph) -> list[Operator]:
    """Operators on float values, but for the edges where the caller gives or takes floats."""
    return [
        entry
        for entry in graph.operators
        if any(tensor.dtype in _FLOATS for tensor in _values(graph, entry))
        and not _is_edge(graph, entry)
    ]


def _is_edge(graph: Subgraph, entry: Operator) -> bool:
    return entry.name in _EDGES and (
        set(entry.inputs) <= set(graph.inputs) or set(entry.outputs) <= set(graph.outputs)
    )


def _computes(graph: Subgraph, entry: Operator, dtype: str) -> bool:
    written = [graph.tensors[index] for index in entry.outputs if index >= 0]
    return entry.name not in _EDGES and any(tensor.dtype == dtype for tensor in written)


def _values(graph: Subgraph, entry: Operator) -> list[Tensor]:
    return [graph.tensors[index] for index in (*entry.inputs, *entry.outputs) if index >= 0]


def _listed(types: dict[str, str]) -> str:
    return ", ".join(f"{name}: {dtype}" for name, dtype in types.items()) or "none"


def _check(name: str, *, is_passed: bool, observed: str, allowed: str, hint: str) -> Check:
    return Check(
        name=name,
        result=CheckResult.PASSED if is_passed else CheckResult.FAILED,
        observed=observed,
        allowed=allowed,
        hint="" if is_passed else hint,
    )
