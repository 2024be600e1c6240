"""A file that a device can use in place."""

from collections.abc import Callable

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflited.convert import flatbuffer, layout

Dense = Callable[..., bytes]


def misplaced(content: bytes) -> int:
    """How many constants do not begin at a multiple of 16."""
    model = schema.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    starts = [b._tab.Vector(b._tab.Offset(4)) for b in buffers if b.DataLength()]
    assert starts
    return sum(start % layout.ALIGNMENT != 0 for start in starts)


@pytest.mark.parametrize("elements", [4, 20, 36, 4096])
def test_every_constant_is_aligned(dense: Dense, elements: int) -> None:
    """The schema asks for 16 bytes, which the Python writer forgets."""
    content = dense(weights="int8", elements=elements)
    assert misplaced(layout.aligned(content)) == 0


def test_the_test_can_fail(dense: Dense) -> None:
    """Without the layout some constants are misplaced, or there is nothing to repair."""
    assert any(misplaced(dense(weights="int8", elements=n)) for n in (4, 20, 36, 52))


def test_the_model_is_the_same(dense: Dense) -> None:
    """Only places change: operators, types, names and constants do not."""
    content = dense(weights="int8", activations="int8")
    laid = layout.aligned(content)
    assert flatbuffer.read(laid) == flatbuffer.read(content)
    model = schema.Model.GetRootAs(laid, 0)
    assert bytes(model.Buffers(1).DataAsNumpy()) == bytes(np.arange(4096, dtype=np.uint8))


def test_it_changes_nothing_twice(dense: Dense) -> None:
    """Equal input, equal bytes; and an aligned file stays as it is."""
    laid = layout.aligned(dense())
    assert layout.aligned(laid) == laid


def test_the_file_is_still_recognised(dense: Dense) -> None:
    """The file identifier stands at its place."""
    assert layout.aligned(dense())[4:8] == b"TFL3"


def test_constants_behind_the_flatbuffer_come_inside(dense: Dense) -> None:
    """The quantiser leaves an offset and a size, which microcontroller runtimes do not follow."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(dense(weights="int8"), 0))
    data = bytes(model.buffers[1].data)
    model.buffers[1] = schema.BufferT()
    model.buffers[1].size = len(data)
    model.buffers[1].offset = 1 << 30  # a place holder of the same width
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    head = len(builder.Output())
    model.buffers[1].offset = head
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    outside = bytes(builder.Output()) + data
    assert flatbuffer.read(outside).weights_bytes == {"int8": 4096}
    inside = schema.Model.GetRootAs(layout.aligned(outside), 0)
    assert bytes(inside.Buffers(1).DataAsNumpy()) == data
    assert inside.Buffers(1).Size() == 0
