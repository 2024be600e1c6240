"""Runs a flatbuffer once and reads any tensor inside it, not only its outputs."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflited.convert.arrays import Array
from tflited.convert.proof.run import dequantised, quantised
from tflited.convert.tflite import flatbuffer


def tensors(
    content: bytes, inputs: Mapping[int, Array], wanted: Collection[int]
) -> dict[int, Array]:
    """Invokes the first subgraph once and reads tensors from inside it.

    One thread and no delegate, which would hide tensors and let results vary.

    Args:
        content: the flatbuffer.
        inputs: index of an input tensor to its value in the source's types.
        wanted: indices of the tensors to read.

    Returns:
        Their values in the source's units.
    """
    interpreter = _interpreter(content, preserves_tensors=True)
    _allocate(interpreter, inputs)
    details = {entry["index"]: entry for entry in interpreter.get_tensor_details()}
    for index, value in inputs.items():
        interpreter.set_tensor(index, quantised(value, details[index]))
    interpreter.invoke()
    return {
        index: _narrow(dequantised(interpreter.get_tensor(index), details[index]))
        for index in sorted(wanted)
    }


def _narrow(value: Array) -> Array:
    return value.astype(np.float32) if value.dtype.kind == "f" else value


def _interpreter(content: bytes, *, preserves_tensors: bool) -> Any:
    return Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=preserves_tensors,
    )


def _allocate(interpreter: Any, inputs: Mapping[int, Array]) -> None:
    details = {entry["index"]: entry for entry in interpreter.get_input_details()}
    for index, value in inputs.items():
        if tuple(details[index]["shape"]) != value.shape:
            interpreter.resize_tensor_input(index, value.shape)
    interpreter.allocate_tensors()


def activation_bytes(content: bytes, inputs: Mapping[int, Array]) -> int:
    """What the computed tensors of the first subgraph take when all are kept.

    Args:
        content: the flatbuffer.
        inputs: as for ``tensors``; only the shapes count.
    """
    interpreter = _interpreter(content, preserves_tensors=False)
    _allocate(interpreter, inputs)
    graph = flatbuffer.read(content).subgraphs[0]
    computed = {index for operator in graph.operators for index in operator.outputs}
    return sum(
        math.prod(entry["shape"].tolist()) * np.dtype(entry["dtype"]).itemsize
        for entry in interpreter.get_tensor_details()
        if entry["index"] in computed
    )
