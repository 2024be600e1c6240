"""What is read of a flatbuffer."""

from collections.abc import Callable

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
from ai_edge_litert import schema_py_generated as schema

from tflited.convert.tflite import flatbuffer

Dense = Callable[..., bytes]


def test_operators_are_counted_by_name(dense: Dense) -> None:
    """Names are the schema's."""
    assert flatbuffer.read(dense()).operators == {"FULLY_CONNECTED": 1}


def test_weights_are_counted_by_type(dense: Dense) -> None:
    """Bytes of constants, not of activations."""
    assert flatbuffer.read(dense(weights="float16")).weights_bytes == {"float16": 8192}


def test_inputs_carry_the_signatures_name(dense: Dense) -> None:
    """The graph's own tensor names mean nothing to a caller."""
    (spec,) = flatbuffer.read(dense(activations="int8", names=("image", "digit"))).inputs
    assert (spec.index, spec.name, spec.shape, spec.dtype) == (0, "image", (-1, 4), "int8")
    assert (spec.scale, spec.zero_point) == (0.5, -3)


def test_outputs_keep_the_interpreters_order(dense: Dense) -> None:
    """The index is what a C program needs."""
    (spec,) = flatbuffer.read(dense(names=("image", "digit"))).outputs
    assert (spec.index, spec.name) == (0, "digit")


def test_select_operators_are_told_apart(dense: Dense) -> None:
    """A Flex operator needs a delegate that no Python package has."""
    assert flatbuffer.read(dense()).select_operators == ()
    flex = flatbuffer.read(dense(operator="FlexErf"))
    assert flex.select_operators == ("FlexErf",)


def test_a_shared_buffer_counts_once(dense: Dense) -> None:
    """Tensors share constants; the file holds them once."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(dense(), 0))
    model.subgraphs[0].tensors.append(model.subgraphs[0].tensors[1])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    assert flatbuffer.read(bytes(builder.Output())).weights_bytes == {"float32": 16384}


def test_names_of_several_signatures_are_qualified() -> None:
    """Two signatures may use the same name for different tensors."""
    assert flatbuffer.qualified("encode", "x", 2) == "encode/x"
    assert flatbuffer.qualified("serving_default", "x", 1) == "x"
