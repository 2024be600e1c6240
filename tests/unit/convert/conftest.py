"""Flatbuffers made by hand: small enough to know every byte, without a conversion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
import pytest
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


Dense = Callable[..., bytes]


@pytest.fixture
def dense() -> Dense:
    """Draws one fully connected layer: weights of a type, between activations of a type."""

    def drawn(
        *,
        weights: str = "float32",
        activations: str = "float32",
        elements: int = 4096,
        names: tuple[str, str] = ("x", "y"),
        operator: int | str = schema.BuiltinOperator.FULLY_CONNECTED,
    ) -> bytes:
        scale = 0.0 if activations == "float32" else 0.5
        left, right = names
        tensors = (
            Drawn(name=left, dtype=activations, shape=(-1, 4), scale=scale, zero_point=-3),
            Drawn(name="w", dtype=weights, shape=(elements // 4, 4), is_constant=True),
            Drawn(name=right, dtype=activations, shape=(-1, 4), scale=scale, zero_point=7),
        )
        step = Step(operator=operator, inputs=(left, "w"), outputs=(right,))
        return draw(tensors, (step,), (left,), (right,))

    return drawn


@pytest.fixture
def with_float_island() -> Callable[[bool], bytes]:
    """Draws a layer between QUANTIZE and DEQUANTIZE; inside it, on request, a float operator."""

    def drawn(has_island: bool) -> bytes:
        code = schema.BuiltinOperator
        tensors = [
            Drawn(name="x"),
            Drawn(name="q", dtype="int8", scale=0.5),
            Drawn(name="w", dtype="int8", shape=(4, 4), is_constant=True),
            Drawn(name="h", dtype="int8", scale=0.5),
            Drawn(name="f"),
            Drawn(name="c"),
            Drawn(name="r", dtype="int8", scale=0.5),
            Drawn(name="y"),
        ]
        island = [
            Step(operator=code.DEQUANTIZE, inputs=("h",), outputs=("f",)),
            Step(operator=code.COS, inputs=("f",), outputs=("c",)),
            Step(operator=code.QUANTIZE, inputs=("c",), outputs=("r",)),
        ]
        steps = [
            Step(operator=code.QUANTIZE, inputs=("x",), outputs=("q",)),
            Step(operator=code.FULLY_CONNECTED, inputs=("q", "w"), outputs=("h",)),
            *(island if has_island else []),
            Step(
                operator=code.DEQUANTIZE,
                inputs=("r" if has_island else "h",),
                outputs=("y",),
            ),
        ]
        return draw(tensors, steps, ("x",), ("y",))

    return drawn


@pytest.fixture
def drawn_mixture() -> Callable[[int, int], bytes]:
    """Draws two layers: so many int8 weights, then so many float ones."""

    def drawn(integers: int, floats: int) -> bytes:
        code = schema.BuiltinOperator.FULLY_CONNECTED
        tensors = (
            Drawn(name="x"),
            Drawn(name="a", dtype="int8", shape=(integers,), is_constant=True),
            Drawn(name="h"),
            Drawn(name="b", shape=(floats,), is_constant=True),
            Drawn(name="y"),
        )
        steps = (
            Step(operator=code, inputs=("x", "a"), outputs=("h",)),
            Step(operator=code, inputs=("h", "b"), outputs=("y",)),
        )
        return draw(tensors, steps, ("x",), ("y",))

    return drawn


@pytest.fixture
def int16_with_float() -> bytes:
    """A 16x8 layer followed by a float one."""
    code = schema.BuiltinOperator
    tensors = (
        Drawn(name="x", dtype="int16", scale=0.5),
        Drawn(name="w", dtype="int8", shape=(4096,), is_constant=True),
        Drawn(name="h", dtype="int16", scale=0.5),
        Drawn(name="f"),
        Drawn(name="g"),
        Drawn(name="y"),
    )
    steps = (
        Step(operator=code.FULLY_CONNECTED, inputs=("x", "w"), outputs=("h",)),
        Step(operator=code.DEQUANTIZE, inputs=("h",), outputs=("f",)),
        Step(operator=code.COS, inputs=("f",), outputs=("g",)),
        Step(operator=code.SIN, inputs=("g",), outputs=("y",)),
    )
    return draw(tensors, steps, ("x",), ("y",))
