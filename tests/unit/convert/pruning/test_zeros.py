"""Zeros counted in the bytes of a file, in every form that weights take."""

from collections.abc import Callable
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflited.convert.data.reference import Reference
from tflited.convert.pruning import zeros
from tflited.convert.pruning.prune import Pruning
from tflited.convert.tflite import flatbuffer
from tflited.domain.figures import CheckResult, PrunedWeight
from tflited.domain.policy import LayerKind, Prune

Dense = Callable[..., bytes]
Weights = Callable[..., bytes]


def weight(name: str = "w", elements: int = 16, asked: float = 0.5) -> PrunedWeight:
    return PrunedWeight(name=name, kind=LayerKind.DENSE, elements=elements, asked=asked, zeros=0)


def pruning(*weights: PrunedWeight) -> Pruning:
    source: Any = None
    return Pruning(
        source=source, weights=weights, original=Reference(origin="random"), rules=Prune()
    )


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.fixture
def weights(dense: Dense) -> Weights:
    """Draws a dense layer of 4 x 4 that holds these bytes, as this type."""

    def drawn(data: Any, kind: int = schema.TensorType.FLOAT32, zero_point: int = 0) -> bytes:
        model = schema.ModelT.InitFromPackedBuf(dense(elements=16), 0)
        tensor = model.subgraphs[0].tensors[1]
        tensor.type = kind
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.5], [zero_point]
        model.buffers[tensor.buffer].data = np.frombuffer(data.tobytes(), np.uint8)
        return packed(model)

    return drawn


@pytest.mark.parametrize(
    ("dtype", "kind"), [("<f4", schema.TensorType.FLOAT32), ("<f2", schema.TensorType.FLOAT16)]
)
def test_zeros_of_floats(weights: Weights, dtype: str, kind: int) -> None:
    """A negative zero is one as well."""
    values = np.array([0.0, -0.0, 1e-4, *range(1, 14)], dtype)
    (count,) = zeros.counted(weights(values, kind), [weight()])
    assert count.zeros == 2


@pytest.mark.parametrize(("zero_point", "expected"), [(0, 3), (7, 1)])
def test_zeros_of_integers_are_their_zero_point(
    weights: Weights, zero_point: int, expected: int
) -> None:
    """What is zero is what the scale makes zero of."""
    values = np.array([0, 0, 0, 7, *[3] * 12], np.int8)
    (count,) = zeros.counted(weights(values, schema.TensorType.INT8, zero_point), [weight()])
    assert count.zeros == expected


def test_zeros_of_half_bytes(weights: Weights) -> None:
    """Two elements of int4 share a byte."""
    values = np.array([0x00, 0x10, 0x01, *[0x11] * 5], np.uint8)
    (count,) = zeros.counted(weights(values, schema.TensorType.INT4), [weight()])
    assert count.zeros == 4


def sparse_form(dense: Dense) -> bytes:
    """A 4 x 4 matrix of which three elements are held, one of them a zero."""
    model = schema.ModelT.InitFromPackedBuf(dense(elements=16), 0)
    tensor = model.subgraphs[0].tensors[1]
    rows, columns = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    rows.format, rows.denseSize = schema.DimensionType.DENSE, 4
    columns.format = schema.DimensionType.SPARSE_CSR
    columns.arraySegmentsType = schema.SparseIndexVector.Uint16Vector
    columns.arraySegments = schema.Uint16VectorT()
    columns.arraySegments.values = [0, 1, 2, 3, 3]
    columns.arrayIndicesType = schema.SparseIndexVector.Uint8Vector
    columns.arrayIndices = schema.Uint8VectorT()
    columns.arrayIndices.values = [0, 1, 2]
    tensor.sparsity = schema.SparsityParametersT()
    tensor.sparsity.traversalOrder = [0, 1]
    tensor.sparsity.dimMetadata = [rows, columns]
    values = np.array([1.0, 0.0, 2.0], "<f4")
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    return packed(model)


def test_zeros_that_a_sparse_tensor_leaves_out_count(dense: Dense) -> None:
    """Its buffer holds the others, and here one zero."""
    (count,) = zeros.counted(sparse_form(dense), [weight()])
    assert count.zeros == 14


def test_a_sparse_tensor_is_as_large_as_what_is_stored(dense: Dense) -> None:
    """Three floats, five segments of two bytes, three indices of one; elements by shape."""
    file = flatbuffer.read(sparse_form(dense))
    (tensor,) = file.sparse_tensors
    assert (tensor.elements, tensor.constant_bytes) == (16, 12 + 10 + 3)
    assert file.weights_bytes == {"float32": 25}
    assert flatbuffer.read(dense()).sparse_tensors == ()


def test_fewer_zeros_than_asked_fail(weights: Weights) -> None:
    """Observed against asked, and which weight."""
    content = weights(np.array([*[0] * 7, *[1] * 9], "<f4"))
    found = zeros.check(content, pruning(weight(name="layer/kernel")))
    assert found.result is CheckResult.FAILED
    assert found.observed.startswith("7 of 16 elements")
    assert found.allowed == "at least 8 of 16"
    assert "layer/kernel" in found.hint


def test_as_many_zeros_as_asked_pass(weights: Weights) -> None:
    """Exactly the share is enough."""
    content = weights(np.array([*[0] * 8, *[1] * 8], "<f4"))
    assert zeros.check(content, pruning(weight())).result is CheckResult.PASSED


def test_a_weight_that_is_not_found_is_not_proven(weights: Weights) -> None:
    """The converter may split or fold a weight; nothing is assumed of it."""
    content = weights(np.zeros(16, "<f4"))
    found = zeros.check(content, pruning(weight(), weight(name="other", elements=100)))
    assert found.result is CheckResult.UNPROVEN
    assert "1 of 2 pruned weights" in found.observed


def test_a_matrix_in_four_parts_is_found(dense: Dense) -> None:
    """A fused LSTM holds one tensor for each gate."""
    model = schema.ModelT.InitFromPackedBuf(dense(elements=16), 0)
    tensor = model.subgraphs[0].tensors[1]
    model.buffers[tensor.buffer].data = np.zeros(64, np.uint8)
    model.subgraphs[0].tensors += [tensor] * 3
    (count,) = zeros.counted(packed(model), [weight(elements=64)])
    assert count.zeros == 64
