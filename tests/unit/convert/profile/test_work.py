"""Multiply-accumulates and live memory, counted by hand and from the file."""

from collections.abc import Callable, Sequence

import pytest
from ai_edge_litert import schema_py_generated as schema

from drawn import Drawn, Step, draw
from tflited.convert.profile.work import counted
from tflited.convert.tflite import flatbuffer
from tflited.domain.profile import Work

CODE = schema.BuiltinOperator


def work(operator: int | str, output: Sequence[int], *inputs: Sequence[int] | None) -> Work:
    """What one operator takes; the first input is the file's, the others are constants."""
    tensors = [Drawn(name="y", shape=tuple(output))]
    tensors += [
        Drawn(name=f"i{number}", shape=tuple(shape), is_constant=number > 0)
        for number, shape in enumerate(inputs)
        if shape is not None
    ]
    names = tuple(f"i{number}" for number, shape in enumerate(inputs) if shape is not None)
    step = Step(operator=operator, inputs=names, outputs=("y",))
    return counted(flatbuffer.read(draw(tensors, (step,), ("i0",), ("y",))))


@pytest.mark.parametrize(
    ("operator", "output", "inputs", "macs"),
    [
        (CODE.FULLY_CONNECTED, (2, 5), [(2, 3), (5, 3)], 2 * 5 * 3),
        (CODE.CONV_2D, (1, 4, 4, 8), [(1, 4, 4, 3), (8, 3, 3, 3)], 4 * 4 * 8 * 27),
        (CODE.CONV_2D, (1, 4, 4, 8), [(1, 4, 4, 6), (8, 3, 3, 3)], 4 * 4 * 8 * 27),  # two groups
        (CODE.DEPTHWISE_CONV_2D, (1, 4, 4, 6), [(1, 4, 4, 3), (1, 3, 3, 6)], 4 * 4 * 6 * 9),
        (CODE.BATCH_MATMUL, (7, 2, 5), [(7, 2, 3), (7, 3, 5)], 7 * 2 * 5 * 3),
        (CODE.BATCH_MATMUL, (7, 2, 5), [(7, 3, 2), (7, 3, 5)], 7 * 2 * 5 * 3),  # adjoined
        (CODE.CONV_3D, (1, 2, 2, 2, 4), [(1, 2, 2, 2, 3), (3, 3, 3, 3, 4)], 8 * 4 * 81),
        (CODE.ADD, (1, 4), [(1, 4), (1, 4)], 0),
    ],
)
def test_products_are_counted(
    operator: int, output: Sequence[int], inputs: Sequence[Sequence[int]], macs: int
) -> None:
    """One for each product that is added up; other operators count nothing."""
    assert (work(operator, output, *inputs).macs, work(operator, output, *inputs).uncounted) == (
        macs,
        (),
    )


def test_a_transposed_convolution_counts_its_inputs() -> None:
    """Every value of the input meets every weight of its filter."""
    tensors = (
        Drawn(name="s", dtype="int32", shape=(4,), is_constant=True),
        Drawn(name="w", shape=(5, 3, 3, 2), is_constant=True),
        Drawn(name="x", shape=(1, 4, 4, 2)),
        Drawn(name="y", shape=(1, 8, 8, 5)),
    )
    step = Step(operator=CODE.TRANSPOSE_CONV, inputs=("s", "w", "x"), outputs=("y",))
    file = flatbuffer.read(draw(tensors, (step,), ("x",), ("y",)))
    assert counted(file).macs == 4 * 4 * 2 * 9 * 5


def test_a_dynamic_batch_counts_as_one(dense: Callable[..., bytes]) -> None:
    """As the report says."""
    assert counted(flatbuffer.read(dense())).macs == 4 * 4


def test_what_cannot_be_counted_is_named() -> None:
    """A shape of run time, a loop, an operator of TensorFlow's own."""
    assert work(CODE.CONV_2D, (1, -1, 4, 8), (1, -1, 4, 3), (8, 3, 3, 3)).uncounted == ("CONV_2D",)
    assert work(CODE.WHILE, (1, 4), (1, 4)).uncounted == ("WHILE",)
    assert work("FlexErf", (1, 4), (1, 4)).uncounted == ("FlexErf",)


def test_live_memory_is_that_of_the_busiest_operator() -> None:
    """A tensor is alive from what writes it to the last that reads it; constants do not count."""
    tensors = (
        Drawn(name="x", shape=(1, 100)),
        Drawn(name="a", shape=(1, 300)),
        Drawn(name="b", shape=(1, 50), dtype="int8"),
        Drawn(name="w", shape=(1, 1000), is_constant=True),
        Drawn(name="y", shape=(1, 10)),
    )
    steps = (
        Step(operator=CODE.CONCATENATION, inputs=("x", "w"), outputs=("a",)),
        Step(operator=CODE.QUANTIZE, inputs=("a",), outputs=("b",)),
        Step(operator=CODE.DEQUANTIZE, inputs=("b",), outputs=("y",)),
    )
    file = flatbuffer.read(draw(tensors, steps, ("x",), ("y",)))
    assert counted(file).activation_bytes == 4 * (100 + 300)


def test_live_memory_of_shapes_of_run_time_is_unknown() -> None:
    """It is told as unknown, not as zero."""
    assert work(CODE.ADD, (1, -1), (1, -1)).activation_bytes is None
