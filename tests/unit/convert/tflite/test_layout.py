"""A file that a device can use in place."""

from collections.abc import Callable

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from drawn import Drawn, Step, draw
from tflited.convert.tflite import flatbuffer, layout

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
    assert misplaced(layout.laid_out(content)) == 0


def test_the_test_can_fail(dense: Dense) -> None:
    """Without the layout some constants are misplaced, or there is nothing to repair."""
    assert any(misplaced(dense(weights="int8", elements=n)) for n in (4, 20, 36, 52))


def test_the_model_is_the_same(dense: Dense) -> None:
    """Only places change: operators, types, names and constants do not."""
    content = dense(weights="int8", activations="int8")
    laid = layout.laid_out(content)
    assert flatbuffer.read(laid) == flatbuffer.read(content)
    model = schema.Model.GetRootAs(laid, 0)
    assert bytes(model.Buffers(1).DataAsNumpy()) == bytes(np.arange(4096, dtype=np.uint8))


def test_it_changes_nothing_twice(dense: Dense) -> None:
    """Equal input, equal bytes; and an aligned file stays as it is."""
    laid = layout.laid_out(dense())
    assert layout.laid_out(laid) == laid


def test_the_file_is_still_recognised(dense: Dense) -> None:
    """The file identifier stands at its place."""
    assert layout.laid_out(dense())[4:8] == b"TFL3"


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
    inside = schema.Model.GetRootAs(layout.laid_out(outside), 0)
    assert bytes(inside.Buffers(1).DataAsNumpy()) == data
    assert inside.Buffers(1).Size() == 0


def with_copies() -> bytes:
    """Four layers whose equal weights stand in two buffers, each used by two of them."""
    names = ("a", "b", "c", "d")
    tensors = [Drawn(name="x")]
    steps, before = [], "x"
    for name in names:
        tensors += [
            Drawn(name=f"w{name}", shape=(4, 4), is_constant=True),
            Drawn(name=f"y{name}"),
        ]
        code = schema.BuiltinOperator.FULLY_CONNECTED
        steps.append(Step(operator=code, inputs=(before, f"w{name}"), outputs=(f"y{name}",)))
        before = f"y{name}"
    model = schema.ModelT.InitFromObj(
        schema.Model.GetRootAs(draw(tensors, steps, ("x",), ("yd",)), 0)
    )
    weights = [t for t in model.subgraphs[0].tensors if t.name.startswith(b"graph/w")]
    weights[2].buffer, weights[3].buffer = weights[0].buffer, weights[1].buffer
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def weights_of(content: bytes) -> list[tuple[int, bytes]]:
    """Buffer and bytes of each weight tensor."""
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(index) for index in range(graph.TensorsLength())]
    return [
        (tensor.Buffer(), bytes(model.Buffers(tensor.Buffer()).DataAsNumpy()))
        for tensor in tensors
        if tensor.Name().startswith(b"graph/w")
    ]


def test_equal_constants_are_kept_once_and_lost_never() -> None:
    """Also where a copy is used by several tensors: each of them must find its values."""
    before, after = weights_of(with_copies()), weights_of(layout.laid_out(with_copies()))
    assert len({buffer for buffer, _ in before}) == 2
    assert len({buffer for buffer, _ in after}) == 1
    assert [data for _, data in after] == [data for _, data in before]


def test_taken_apart_every_tensor_has_a_buffer_of_its_own() -> None:
    """TensorFlow's quantiser writes into buffers as if nobody else used them."""
    apart = weights_of(layout.taken_apart(layout.laid_out(with_copies())))
    assert len({buffer for buffer, _ in apart}) == 4
    assert len({data for _, data in apart}) == 1


def test_a_contract_is_written_into_the_file(dense: Dense) -> None:
    """Files that are compiled from a frozen graph have no signature of their own."""
    contract = layout.Contract(signature="main", inputs=("image",), outputs=("scores",))
    read = flatbuffer.read(layout.laid_out(dense(), contract))
    assert [entry.name for entry in read.signatures] == ["main"]
    assert [spec.name for spec in (*read.inputs, *read.outputs)] == ["image", "scores"]


def test_a_contract_of_another_file_is_refused(dense: Dense) -> None:
    """A name too many would leave the reader with a tensor that is not there."""
    contract = layout.Contract(signature="main", inputs=("image", "mask"), outputs=("scores",))
    with pytest.raises(ValueError, match="zip"):
        layout.laid_out(dense(), contract)
