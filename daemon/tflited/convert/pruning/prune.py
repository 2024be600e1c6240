"""One-shot magnitude pruning of a loaded source, so that the pruned model is a source itself.

Variables are assigned in memory: whatever reads the model afterwards, the fast way down, the public
one, a new trace or a run for reference, sees the pruned weights. A weight that is a constant of the
graph cannot be assigned; such a signature is frozen and built anew around its pruned constants
(docs/adr/0007).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from tflited.convert.arrays import Array
from tflited.convert.data.reference import Reference
from tflited.convert.faults.foreign import explained
from tflited.convert.internals import UnfitError
from tflited.convert.lowering.frozen import Frozen, freeze
from tflited.convert.opening.source import Signature, Source, described, trace
from tflited.convert.pruning.consumers import Consumers
from tflited.domain.figures import PrunedWeight
from tflited.domain.policy import LayerKind, Prune

_MIN_RANK: Final = 2
"""A vector is a bias or a scale, not what a layer multiplies by."""
_CONSTANT: Final = "Const"
_REFERENCES: Final = frozenset({"Variable", "VariableV2"})
"""Variables of TensorFlow 1 that are part of the graph; nothing outside can assign them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What was pruned, and what the source computed before.

    Attributes:
        source: the pruned source.
        weights: what was pruned, sorted by name.
        original: inputs and the outputs of the source as it came.
        rules: the policy's.
    """

    source: Source
    weights: tuple[PrunedWeight, ...]
    original: Reference
    rules: Prune


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weight:
    """A variable to prune."""

    variable: Any
    kind: LayerKind
    share: float


def pruned(source: Source, rules: Prune, original: Reference, scratch: Path) -> Pruning:
    """Prunes a source; its variables are changed in place.

    Args:
        source: the loaded model.
        rules: how much, of which kinds.
        original: what the source computes; made before, since it cannot be run as it was again.
        scratch: where a SavedModel of it goes when one is needed; must not exist.

    Raises:
        ConversionError: TensorFlow cannot read or write a weight.
    """
    with explained("Pruning the source's weights", scratch=str(scratch.parent)):
        note = ""
        if any(_constants(entry.reference.graph, rules) for entry in source.signatures):
            try:
                return _rebuilt(source, rules, original, scratch)
            except UnfitError as error:
                note = f"Weights that are constants of the graph were not pruned: {error}."
        weights = _assigned(source, rules)
    source = replace(source, directory=scratch, tags=("serve",), is_saved=False)
    return Pruning(
        source=source.noted(note) if note else source,
        weights=tuple(sorted(weights, key=lambda entry: entry.name)),
        original=original,
        rules=rules,
    )


def again(source: Source, original: Reference) -> Reference:
    """The outputs of a pruned source for the inputs that its original was run on.

    Raises:
        ConversionError: the pruned source cannot compute them.
    """
    runs = {entry.name: entry for entry in source.signatures}
    pairs = {
        name: tuple(replace(pair, outputs=runs[name].run(pair.inputs)) for pair in entries)
        for name, entries in original.pairs.items()
    }
    return replace(original, pairs=pairs)


def without_smallest(values: Array, share: float) -> Array:
    """The values with the smallest magnitudes set to zero; of equal ones the first go first.

    Args:
        values: of any shape; not changed.
        share: of the elements, [0, 1).
    """
    count = zeros_asked(values.size, share)
    flat = np.array(values).reshape(-1)
    if count:
        magnitude = np.abs(flat.astype(np.float32))
        limit = np.partition(magnitude, count - 1)[count - 1]
        below = magnitude < limit
        equal = np.flatnonzero(magnitude == limit)[: count - int(below.sum())]
        flat[below] = 0
        flat[equal] = 0
    return flat.reshape(values.shape)


def zeros_asked(elements: int, share: float) -> int:
    """How many elements of a tensor a share is."""
    return round(elements * share)


def _assigned(source: Source, rules: Prune) -> list[PrunedWeight]:
    found = []
    for weight in _variables(source, rules):
        values = without_smallest(weight.variable.numpy(), weight.share)
        weight.variable.assign(values)
        name = weight.variable.name.partition(":")[0]
        found.append(_record(name, weight.kind, weight.share, values))
    return found


def _variables(source: Source, rules: Prune) -> Iterator[_Weight]:
    """The variables to prune; one that several signatures read is judged by all of them."""
    variables: dict[int, Any] = {}
    kinds: dict[int, set[LayerKind]] = {}
    for entry in source.signatures:
        consumers = Consumers(entry.reference.graph.as_graph_def())
        for variable, name in _captured(entry.reference):
            if _is_weight(tuple(variable.shape), variable.dtype, rules):
                key = id(variable.handle)
                variables[key] = variable
                kinds.setdefault(key, set()).update(consumers.kinds(name))
    for key, variable in variables.items():
        kind, share = _decided(kinds[key], rules)
        if share > 0:
            yield _Weight(variable=variable, kind=kind, share=share)


def _captured(function: Any) -> Iterator[tuple[Any, str]]:
    handles = {id(variable.handle): variable for variable in function.graph.variables}
    for external, internal in function.graph.captures:
        if id(external) in handles:
            yield handles[id(external)], internal.name.partition(":")[0]


def _decided(kinds: set[LayerKind], rules: Prune) -> tuple[LayerKind, float]:
    """A weight of several kinds, as one tied to an embedding, is pruned as the mildest asks."""
    if not kinds:
        return LayerKind.DENSE, 0.0
    if LayerKind.RECURRENT in kinds:
        # Keras computes one step beside the loop, whose result nothing reads.
        kinds = kinds - {LayerKind.DENSE}
    kind = min(sorted(kinds), key=rules.share)
    return kind, rules.share(kind)


def _is_weight(shape: Sequence[int], dtype: tf.DType, rules: Prune) -> bool:
    return (
        dtype.is_floating and len(shape) >= _MIN_RANK and int(np.prod(shape)) >= rules.min_elements
    )


def _record(name: str, kind: LayerKind, share: float, values: Array) -> PrunedWeight:
    zeros = values.size - int(np.count_nonzero(values))
    return PrunedWeight(name=name, kind=kind, elements=values.size, asked=share, zeros=zeros)


def _constants(graph: Any, rules: Prune) -> dict[str, LayerKind]:
    """Names of weights that no variable holds: constants, plain values, reference variables."""
    definition = graph.as_graph_def()
    consumers = Consumers(definition)
    captured = {
        internal.name.partition(":")[0]: internal
        for external, internal in graph.captures
        if external.dtype != tf.resource
    }
    found = {
        name: _decided(set(consumers.kinds(name)), rules)
        for name, tensor in captured.items()
        if tensor.shape.rank is not None
        and tensor.shape.is_fully_defined()
        and _is_weight(tuple(tensor.shape), tensor.dtype, rules)
    }
    held = chain(_constant_nodes(definition, rules), _reference_nodes(definition, rules))
    for function, node in held:
        kinds = set(consumers.kinds(node.name, function))
        found[f"{function}/{node.name}"] = _decided(kinds, rules)
    return {name: kind for name, (kind, share) in found.items() if share > 0}


def _constant_nodes(definition: Any, rules: Prune) -> Iterator[tuple[str, Any]]:
    for function, node in _nodes(definition):
        if node.op == _CONSTANT:
            held = node.attr["value"].tensor
            if _is_weight(_sizes(held.tensor_shape), tf.dtypes.as_dtype(held.dtype), rules):
                yield function, node


def _reference_nodes(definition: Any, rules: Prune) -> Iterator[tuple[str, Any]]:
    for function, node in _nodes(definition):
        if node.op in _REFERENCES:
            dtype = tf.dtypes.as_dtype(node.attr["dtype"].type)
            if _is_weight(_sizes(node.attr["shape"].shape), dtype, rules):
                yield function, node


def _nodes(definition: Any) -> Iterator[tuple[str, Any]]:
    yield from (("", node) for node in definition.node)
    for entry in definition.library.function:
        yield from ((entry.signature.name, node) for node in entry.node_def)


def _sizes(shape: Any) -> list[int]:
    return [entry.size for entry in shape.dim]


def _rebuilt(source: Source, rules: Prune, original: Reference, scratch: Path) -> Pruning:
    """The source around pruned constants.

    Raises:
        UnfitError: a signature cannot be frozen.
    """
    weights: dict[str, PrunedWeight] = {}
    signatures = []
    for entry in source.signatures:
        frozen = freeze(entry)
        weights |= _prune_graph(frozen.graph, rules)
        signatures.append(_around(frozen, entry))
    return Pruning(
        source=replace(
            source,
            directory=scratch,
            tags=("serve",),
            signatures=tuple(signatures),
            is_saved=False,
        ),
        weights=tuple(weights[name] for name in sorted(weights)),
        original=original,
        rules=rules,
    )


def _prune_graph(definition: Any, rules: Prune) -> dict[str, PrunedWeight]:
    consumers = Consumers(definition)
    found: dict[str, PrunedWeight] = {}
    for function, node in _constant_nodes(definition, rules):
        kind, share = _decided(set(consumers.kinds(node.name, function)), rules)
        if share > 0:
            values = without_smallest(tf.make_ndarray(node.attr["value"].tensor), share)
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
            found[node.name] = _record(node.name, kind, share, values)
    return found


def _around(frozen: Frozen, signature: Signature) -> Signature:
    def imported() -> None:
        tf.graph_util.import_graph_def(frozen.graph, name="")

    whole = tf.compat.v1.wrap_function(imported, [])
    graph = whole.graph
    inputs = [graph.as_graph_element(tensor.name) for tensor in frozen.inputs]
    outputs = [graph.as_graph_element(tensor.name) for tensor in frozen.outputs]
    function = whole.prune(inputs, outputs)

    def body(**tensors: Any) -> dict[str, Any]:
        made = function(*(tensors[name] for name in frozen.input_names))
        return dict(zip(frozen.output_names, made, strict=True))

    return described(signature.name, body, trace(body, signature.inputs, {}))
