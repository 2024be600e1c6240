"""Draws flatbuffers by hand: small enough to know every byte, without a conversion."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One tensor to draw: its constant's elements where it has one, its quantisation."""

    name: str
    dtype: str = "float32"
    shape: tuple[int, ...] = (1, 4)
    is_constant: bool = False
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operator to draw, by the names of its tensors."""

    operator: int | str
    inputs: Sequence[str] = field(default_factory=tuple)
    outputs: Sequence[str] = field(default_factory=tuple)


def draw(
    tensors: Sequence[Drawn], steps: Sequence[Step], inputs: Sequence[str], outputs: Sequence[str]
) -> bytes:
    """The bytes of a model with one subgraph and the signature ``serving_default``."""
    index = {tensor.name: number for number, tensor in enumerate(tensors)}
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(model, tensor) for tensor in tensors]
    graph.operators = [_operator(model, step, index) for step in steps]
    graph.inputs = [index[name] for name in inputs]
    graph.outputs = [index[name] for name in outputs]
    model.subgraphs = [graph]
    model.signatureDefs = [_signature(index, inputs, outputs)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(model: Any, drawn: Drawn) -> Any:
    tensor = schema.TensorT()
    tensor.name = f"graph/{drawn.name}"
    tensor.type = TYPES[drawn.dtype]
    tensor.shape = list(drawn.shape)
    if drawn.scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [drawn.scale]
        tensor.quantization.zeroPoint = [drawn.zero_point]
    if drawn.is_constant:
        buffer = schema.BufferT()
        size = int(np.prod(drawn.shape)) * np.dtype(drawn.dtype).itemsize
        buffer.data = np.arange(size, dtype=np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    return tensor


def _operator(model: Any, step: Step, index: dict[str, int]) -> Any:
    code = schema.OperatorCodeT()
    is_custom = isinstance(step.operator, str)
    code.builtinCode = schema.BuiltinOperator.CUSTOM if is_custom else step.operator
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.customCode = step.operator if is_custom else None
    model.operatorCodes = [*(model.operatorCodes or []), code]
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs = [index[name] for name in step.inputs]
    operator.outputs = [index[name] for name in step.outputs]
    return operator


def _signature(index: dict[str, int], inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.subgraphIndex = 0
    signature.inputs = [_mapped(name, index) for name in inputs]
    signature.outputs = [_mapped(name, index) for name in outputs]
    return signature


def _mapped(name: str, index: dict[str, int]) -> Any:
    entry = schema.TensorMapT()
    entry.name = name
    entry.tensorIndex = index[name]
    return entry
