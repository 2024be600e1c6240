"""Flatbuffers that several tests draw."""

from collections.abc import Callable

import pytest
from ai_edge_litert import schema_py_generated as schema

from drawn import Drawn, Step, draw

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
