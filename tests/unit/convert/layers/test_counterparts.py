"""Which tensor of an integer file stands for which of the float32 file."""

import itertools
from collections.abc import Callable

from ai_edge_litert import schema_py_generated as schema

from drawn import Drawn, Step, draw
from tflited.convert.layers.counterparts import Counterparts, counterparts
from tflited.convert.tflite import flatbuffer

CODE = schema.BuiltinOperator


def matched(integer: bytes, floats: bytes) -> dict[str, str]:
    """Names in the integer file to names in the float32 file."""
    here, there = flatbuffer.read(integer), flatbuffer.read(floats)
    found: Counterparts = counterparts(here, there)
    left, right = (
        [tensor.name.removeprefix("graph/") for tensor in file.subgraphs[0].tensors]
        for file in (here, there)
    )
    return {left[index]: right[match] for index, match in found.of.items()}


def chain(*names: str, copies: tuple[str, ...] = ()) -> bytes:
    """Operators in a row; those that give one of ``copies`` only change the form."""
    tensors = [Drawn(name="w", shape=(4, 4), is_constant=True)]
    tensors += [Drawn(name=name) for name in names]
    steps = [
        Step(
            operator=CODE.QUANTIZE if after in copies else CODE.FULLY_CONNECTED,
            inputs=(before,) if after in copies else (before, "w"),
            outputs=(after,),
        )
        for before, after in itertools.pairwise(names)
    ]
    return draw(tensors, steps, (names[0],), (names[-1],))


def test_names_are_matched_and_edges_are_followed(
    with_float_island: Callable[[bool], bytes],
) -> None:
    """A QUANTIZE stands for what goes in, the last layer for what DEQUANTIZE gives."""
    floats = chain("x", "h", "y")
    found = matched(with_float_island(False), floats)
    assert found == {"x": "x", "q": "x", "h": "h", "y": "y"}


def test_a_chain_of_copies_is_followed() -> None:
    """Forwards from the input, and back from the output."""
    integer = chain("x", "x_8", "x_8_again", "made", "y", copies=("x_8", "x_8_again", "y"))
    assert matched(integer, chain("x", "y")) == {
        "x": "x",
        "x_8": "x",
        "x_8_again": "x",
        "made": "y",
        "y": "y",
    }


def test_what_nobody_knows_is_left_out() -> None:
    """A tensor that the quantiser invented inside has no counterpart."""
    assert "invented" not in matched(chain("x", "invented", "y"), chain("x", "h", "y"))
