"""Operators that were cut apart."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from drawn import Drawn, Step, draw
from tflited.convert.layers.severed import severed
from tflited.convert.layers.tensors import activation_bytes, tensors
from tflited.convert.tflite import flatbuffer

CODE = schema.BuiltinOperator


def two_negations() -> bytes:
    """``y = -(-x)``."""
    steps = [
        Step(operator=CODE.NEG, inputs=("x",), outputs=("h",)),
        Step(operator=CODE.NEG, inputs=("h",), outputs=("y",)),
    ]
    return draw([Drawn(name=name) for name in "xhy"], steps, ("x",), ("y",))


def test_an_operator_computes_on_what_it_is_fed() -> None:
    """Not on what the one before it gives; indices stay."""
    content = two_negations()
    apart = severed(content)
    x, fed = np.array([[1, 2, 3, 4]], np.float32), np.array([[9, 9, 9, 9]], np.float32)
    ((tensor, stand_in),) = apart.stand_ins.items()
    names = [entry.name for entry in flatbuffer.read(content).subgraphs[0].tensors]
    assert names[tensor] == "graph/h"
    found = tensors(apart.content, {0: x, stand_in: fed}, {0, 1, 2})
    assert [found[index].tolist() for index in (0, 1, 2)] == [
        x.tolist(),
        (-x).tolist(),
        (-fed).tolist(),
    ]


def test_tensors_inside_a_file_can_be_read() -> None:
    """Not only its outputs."""
    x = np.array([[1, 2, 3, 4]], np.float32)
    assert tensors(two_negations(), {0: x}, {1})[1].tolist() == (-x).tolist()


def test_what_all_tensors_take_is_counted_for_the_sample() -> None:
    """Two results of four floats; a larger batch takes more."""
    assert activation_bytes(two_negations(), {0: np.zeros((1, 4), np.float32)}) == 32
    assert activation_bytes(two_negations(), {0: np.zeros((3, 4), np.float32)}) == 96
