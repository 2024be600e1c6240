"""Walks the graph of a SavedModel, its functions and its restore hook, without running any."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import tensorflow as tf

from tflited.convert.preflight.operators import (
    ALLOCATING,
    PREFIXED,
    RESTORING,
    TABLE_FILES,
    why_attribute,
    why_refused,
)

_PASSING: Final = frozenset(
    {
        "Identity",
        "Pack",
        "PlaceholderWithDefault",
        "Select",
        "SelectV2",
        "ShardedFilename",
        "StringJoin",
    }
)
"""What a path goes through on its way to an operator."""
_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_GIVEN: Final = frozenset({"Placeholder", "PlaceholderWithDefault"})
_LONGEST_SHAPE: Final = 4096
_MOST_DIMENSIONS: Final = 254
"""Of any tensor (tensorflow/core/framework/tensor_shape.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing in a graph that is refused.

    Attributes:
        what: the operator, or what is absurd.
        where: the node and the function that it is in.
        why: what it does.
        is_size: it is a size, not an operator.
    """

    what: str
    where: str
    why: str
    is_size: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """The main graph or one function.

    Attributes:
        place: in words.
        nodes: by name.
        arguments: of the function to whether a path may come in by it.
        assets: names of the constants that stand for the model's own files.
    """

    place: str
    nodes: Mapping[str, Any]
    arguments: Mapping[str, bool] = field(default_factory=dict)
    assets: frozenset[str] = frozenset()


def findings(meta_graph: Any, most_bytes: int) -> Iterator[Finding]:
    """Everything in a meta graph that is refused.

    Args:
        meta_graph: TensorFlow's ``MetaGraphDef``.
        most_bytes: larger tensors are absurd.
    """
    main = _main_scope(meta_graph)
    functions = dict(_functions(meta_graph, main))
    for scope in (main, *functions.values()):
        for node in scope.nodes.values():
            yield from _judged(node, scope)
            yield from _absurd(node, scope, most_bytes)
    yield from _hooks(meta_graph, main, functions)
    yield from _foreign_assets(meta_graph)


def _main_scope(meta_graph: Any) -> _Scope:
    assets = (entry.tensor_info.name for entry in meta_graph.asset_file_def)
    return _Scope(
        place="the graph",
        nodes={node.name: node for node in meta_graph.graph_def.node},
        assets=frozenset(name.split(":")[0] for name in assets),
    )


def _functions(meta_graph: Any, main: _Scope) -> Iterator[tuple[str, _Scope]]:
    captured = meta_graph.object_graph_def.concrete_functions
    objects = meta_graph.object_graph_def.nodes
    for function in meta_graph.graph_def.library.function:
        name = function.signature.name
        names = [argument.name for argument in function.signature.input_arg]
        bound = captured[name].bound_inputs if name in captured else ()
        kinds = [_is_trusted_capture(objects, index, main) for index in bound]
        given = [True] * (len(names) - len(kinds)) + kinds
        nodes = {node.name: node for node in function.node_def}
        arguments = dict(zip(names, given, strict=False))
        yield name, _Scope(place=f"the function {name}", nodes=nodes, arguments=arguments)


def _is_trusted_capture(objects: Any, index: int, main: _Scope) -> bool:
    """Whether what a function captured can be the model's own file: an asset, not a constant."""
    if not 0 <= index < len(objects) or objects[index].WhichOneof("kind") != "constant":
        return True
    return objects[index].constant.operation in main.assets


def _judged(node: Any, scope: _Scope) -> Iterator[Finding]:
    why = why_refused(node.op) or why_attribute(node.op, _texts(node))
    if not why and node.op in PREFIXED and not _is_given(node, PREFIXED[node.op], scope):
        why = "reads or writes a checkpoint that is not the model's own"
    if not why and node.op in TABLE_FILES and not _is_given(node, 1, scope):
        why = "reads a vocabulary that is not one of the model's assets"
    if why:
        yield Finding(what=node.op, where=f"node {node.name!r} in {scope.place}", why=why)


def _texts(node: Any) -> dict[str, str]:
    return {
        name: value.s.decode(errors="replace")
        if value.WhichOneof("value") == "s"
        else ",".join(part.decode(errors="replace") for part in value.list.s)
        for name, value in node.attr.items()
        if value.WhichOneof("value") in {"s", "list"}
    }


def _is_given(node: Any, position: int, scope: _Scope) -> bool:
    """Whether the path at an input comes from the loader or is an asset, and is no absolute one."""
    if position >= len(node.input):
        return False
    is_given, waiting, seen = False, [node.input[position]], set[str]()
    while waiting:
        name = waiting.pop().removeprefix("^").split(":")[0]
        if name in seen:
            continue
        seen.add(name)
        source = scope.nodes.get(name)
        if source is None:
            is_given |= scope.arguments.get(name, False)
            if not scope.arguments.get(name, True):
                return False
            continue
        if name in scope.assets or source.op in _GIVEN:
            is_given = True
        elif source.op == "Const" and _is_absolute(source):
            return False
        if source.op in _PASSING:
            waiting += source.input
    return is_given


def _is_absolute(constant: Any) -> bool:
    texts = constant.attr["value"].tensor.string_val
    return any(text.startswith(b"/") or b"://" in text or b".." in text for text in texts)


def _absurd(node: Any, scope: _Scope, most_bytes: int) -> Iterator[Finding]:
    size = _declared_bytes(node, scope)
    if size > most_bytes:
        yield Finding(
            what=node.op,
            where=f"node {node.name!r} in {scope.place}",
            why=f"makes a tensor of {size} bytes, allowed {most_bytes}",
            is_size=True,
        )


def _declared_bytes(node: Any, scope: _Scope) -> int:
    """Bytes of the tensor that a node makes, where its shape is written down; else 0."""
    if node.op == "Const":
        tensor = node.attr["value"].tensor
        return _bytes(tensor.dtype, [entry.size for entry in tensor.tensor_shape.dim])
    position = ALLOCATING.get(node.op)
    if position is None or position >= len(node.input):
        return 0
    shape = scope.nodes.get(node.input[position].split(":")[0])
    if shape is None or shape.op != "Const":
        return 0
    kind = node.attr["T"].type or node.attr["dtype"].type
    return _bytes(kind, _numbers(shape.attr["value"].tensor))


def _numbers(tensor: Any) -> list[int]:
    """The elements of a short list of whole numbers; none of a longer one, which is no shape."""
    if len(tensor.tensor_content) > _LONGEST_SHAPE or len(tensor.tensor_shape.dim) != 1:
        return []
    if tensor.tensor_content:
        width = tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype
        return [int(number) for number in np.frombuffer(tensor.tensor_content, width)]
    listed = [int(number) for number in (*tensor.int_val, *tensor.int64_val)]
    repeated = int(tensor.tensor_shape.dim[0].size) - len(listed)  # the last one, written once
    return listed + listed[-1:] * min(max(repeated, 0), _MOST_DIMENSIONS)


def _bytes(kind: int, shape: list[int]) -> int:
    if not shape:
        return 0
    try:
        width = tf.dtypes.as_dtype(kind).size if kind else 1
    except TypeError:
        return 0
    return math.prod(max(size, 0) for size in shape) * max(width, 1)


def _hooks(meta_graph: Any, main: _Scope, functions: Mapping[str, _Scope]) -> Iterator[Finding]:
    """What the restore hook, which runs while the model loads, reaches beyond restoring."""
    hook = meta_graph.saver_def.restore_op_name
    called = set[str]()
    for node in _reached(main, hook):
        yield from _beyond_restoring(node, main, hook)
        if node.op in _CALLS:
            called.add(node.attr["f"].func.name)
    for name in called & set(functions):
        for node in functions[name].nodes.values():
            yield from _beyond_restoring(node, functions[name], hook)


def _reached(scope: _Scope, name: str) -> Iterator[Any]:
    """A node and everything that it needs, control inputs included."""
    waiting, seen = [name], set[str]()
    while waiting:
        name = waiting.pop().removeprefix("^").split(":")[0]
        node = scope.nodes.get(name)
        if name in seen or node is None:
            continue
        seen.add(name)
        waiting += node.input
        yield node


def _beyond_restoring(node: Any, scope: _Scope, hook: str) -> Iterator[Finding]:
    if node.op not in RESTORING:
        yield Finding(
            what=node.op,
            where=f"node {node.name!r} in {scope.place}, below the restore hook {hook!r}",
            why="runs while the model loads and restores nothing",
        )


def _foreign_assets(meta_graph: Any) -> Iterator[Finding]:
    for entry in meta_graph.asset_file_def:
        if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
            yield Finding(
                what="asset", where=repr(entry.filename), why="leads out of the model's folder"
            )
