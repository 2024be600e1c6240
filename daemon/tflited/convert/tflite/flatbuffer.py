"""Reads what a ``.tflite`` really holds: operators, element types, constants and its contract.

Needs only the schema's Python classes (tensorflow/compiler/mlir/lite/schema/schema.fbs), so that a
file can be judged without running it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ai_edge_litert import schema_py_generated as schema

from tflited.domain.figures import TensorSpec

FLEX_PREFIX: Final = "Flex"
"""Custom operators with this prefix are TensorFlow's own and need the Flex delegate."""


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


_TYPES: Final = {value: name.lower() for value, name in _names(schema.TensorType).items()}
_OPERATORS: Final = _names(schema.BuiltinOperator)
_CUSTOM: Final[int] = schema.BuiltinOperator.CUSTOM
_INDEX_VECTORS: Final[Mapping[int, tuple[Any, int]]] = {
    schema.SparseIndexVector.Int32Vector: (schema.Int32Vector, 4),
    schema.SparseIndexVector.Uint16Vector: (schema.Uint16Vector, 2),
    schema.SparseIndexVector.Uint8Vector: (schema.Uint8Vector, 1),
}
"""Kind of a sparse tensor's indices to its class and the bytes of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of a subgraph.

    Attributes:
        name: the file's own name for it.
        shape: dimensions; -1 where dynamic. Empty of a scalar, and of one that is not ranked.
        dtype: element type, NumPy's name where it has one.
        scale: first quantisation scale; 0.0 where not quantised.
        zero_point: first zero point.
        buffer: index of its constant buffer.
        constant_bytes: size of the constant, with the indices of a sparse one; 0 where it is
            computed.
        elements: number of elements, zeros that a sparse one leaves out included; 0 where a
            dimension is dynamic.
        is_variable: its value stays from one invocation to the next.
        is_sparse: only elements that are not zero are held, with their indices.
        is_ranked: how many dimensions it has is known before it is run.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int
    buffer: int
    constant_bytes: int
    elements: int
    is_variable: bool = False
    is_sparse: bool = False
    is_ranked: bool = True

    @property
    def is_constant(self) -> bool:
        """Whether the file holds its value."""
        return self.constant_bytes > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator and the indices of its tensors; -1 stands for an absent input."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgraph:
    """One function of the file."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureDef:
    """One signature: its names for the tensors of its subgraph."""

    name: str
    subgraph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatbuffer:
    """A ``.tflite`` as it is."""

    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[SignatureDef, ...]

    @property
    def operators(self) -> dict[str, int]:
        """Operator name to how many of it, sorted by name."""
        names = (entry.name for graph in self.subgraphs for entry in graph.operators)
        return dict(sorted(Counter(names).items()))

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Constant tensors; one for each buffer, since tensors share them."""
        found: dict[int, Tensor] = {}
        for graph in self.subgraphs:
            for tensor in graph.tensors:
                if tensor.is_constant:
                    found.setdefault(tensor.buffer, tensor)
        return tuple(found.values())

    @property
    def weights_bytes(self) -> dict[str, int]:
        """Element type of constants to their bytes, sorted by type."""
        sizes: Counter[str] = Counter()
        for tensor in self.constants:
            sizes[tensor.dtype] += tensor.constant_bytes
        return dict(sorted(sizes.items()))

    @property
    def select_operators(self) -> tuple[str, ...]:
        """Operators that only TensorFlow's Flex delegate can run."""
        return tuple(name for name in self.operators if name.startswith(FLEX_PREFIX))

    @property
    def sparse_tensors(self) -> tuple[Tensor, ...]:
        """Constants that are encoded sparsely."""
        return tuple(tensor for tensor in self.constants if tensor.is_sparse)

    @property
    def keeps_state(self) -> bool:
        """Whether an invocation starts from what the last one left, as fused LSTM layers do."""
        return any(tensor.is_variable for graph in self.subgraphs for tensor in graph.tensors)

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs in the interpreter's order, by signature name.

        Of several signatures each is listed, with names as ``SIGNATURE/INPUT``.
        """
        return tuple(
            spec
            for entry in self._entries()
            for spec in self._specs(entry, self.subgraphs[entry.subgraph].inputs, entry.inputs)
        )

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs in the interpreter's order, by signature name; as ``inputs``."""
        return tuple(
            spec
            for entry in self._entries()
            for spec in self._specs(entry, self.subgraphs[entry.subgraph].outputs, entry.outputs)
        )

    def _entries(self) -> tuple[SignatureDef, ...]:
        """The signatures; a file without any is called by its first subgraph."""
        return self.signatures or (SignatureDef(name="", subgraph=0, inputs={}, outputs={}),)

    def _specs(
        self, entry: SignatureDef, indices: tuple[int, ...], named: Mapping[str, int]
    ) -> list[TensorSpec]:
        names = {
            index: qualified(entry.name, name, len(self.signatures))
            for name, index in named.items()
        }
        tensors = self.subgraphs[entry.subgraph].tensors
        return [
            TensorSpec(
                index=position,
                name=names.get(index, tensors[index].name),
                shape=tensors[index].shape,
                dtype=tensors[index].dtype,
                scale=tensors[index].scale,
                zero_point=tensors[index].zero_point,
            )
            for position, index in enumerate(indices)
        ]


def qualified(signature: str, name: str, signatures: int) -> str:
    """A tensor's name in reports: with its signature where there are several."""
    return f"{signature}/{name}" if signatures > 1 else name


def read(content: bytes) -> Flatbuffer:
    """Reads a flatbuffer.

    Args:
        content: the bytes of a ``.tflite``.
    """
    model = schema.Model.GetRootAs(content, 0)
    codes = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    sizes = [_buffer_size(model.Buffers(index)) for index in range(model.BuffersLength())]
    graphs = (model.Subgraphs(index) for index in range(model.SubgraphsLength()))
    return Flatbuffer(
        subgraphs=tuple(_subgraph(graph, codes, sizes) for graph in graphs),
        signatures=tuple(
            _signature(model.SignatureDefs(index)) for index in range(model.SignatureDefsLength())
        ),
    )


def _buffer_size(buffer: Any) -> int:
    # Some writers put constants after the flatbuffer and leave an offset and a size instead.
    return int(buffer.DataLength() or buffer.Size())


def _operator_name(code: Any) -> str:
    # Files of before schema version 3a hold the code in the deprecated byte only.
    builtin = max(int(code.BuiltinCode()), int(code.DeprecatedBuiltinCode()))
    if builtin == _CUSTOM and code.CustomCode():
        return str(code.CustomCode().decode("utf-8", "replace"))
    return _OPERATORS.get(builtin, f"BUILTIN_{builtin}")


def _subgraph(graph: Any, codes: list[str], sizes: list[int]) -> Subgraph:
    tensors = (graph.Tensors(index) for index in range(graph.TensorsLength()))
    operators = (graph.Operators(index) for index in range(graph.OperatorsLength()))
    return Subgraph(
        tensors=tuple(_tensor(tensor, sizes) for tensor in tensors),
        operators=tuple(_operator(entry, codes) for entry in operators),
        inputs=_integers(graph.InputsAsNumpy()),
        outputs=_integers(graph.OutputsAsNumpy()),
    )


def _operator(entry: Any, codes: list[str]) -> Operator:
    return Operator(
        name=codes[entry.OpcodeIndex()],
        inputs=_integers(entry.InputsAsNumpy()),
        outputs=_integers(entry.OutputsAsNumpy()),
    )


def _tensor(tensor: Any, sizes: list[int]) -> Tensor:
    shape = _integers(tensor.ShapeSignatureAsNumpy()) or _integers(tensor.ShapeAsNumpy())
    scale, zero_point = _quantisation(tensor.Quantization())
    sparsity = tensor.Sparsity()
    return Tensor(
        name=(tensor.Name() or b"").decode("utf-8", "replace"),
        shape=shape,
        dtype=_TYPES.get(tensor.Type(), "unknown"),
        scale=scale,
        zero_point=zero_point,
        buffer=int(tensor.Buffer()),
        constant_bytes=sizes[tensor.Buffer()] + _index_bytes(sparsity),
        elements=_product(shape),
        is_variable=bool(tensor.IsVariable()),
        is_sparse=sparsity is not None,
        # Converters of old told it of none.
        is_ranked=bool(shape) or bool(tensor.HasRank()) or sizes[tensor.Buffer()] > 0,
    )


def _index_bytes(sparsity: Any) -> int:
    """What the indices of a sparse tensor take beside its values."""
    if sparsity is None:
        return 0
    return sum(
        _vector_bytes(kind, table)
        for dimension in map(sparsity.DimMetadata, range(sparsity.DimMetadataLength()))
        for kind, table in (
            (dimension.ArraySegmentsType(), dimension.ArraySegments()),
            (dimension.ArrayIndicesType(), dimension.ArrayIndices()),
        )
        if table is not None
    )


def _vector_bytes(kind: int, table: Any) -> int:
    vector, width = _INDEX_VECTORS[kind]
    found = vector()
    found.Init(table.Bytes, table.Pos)
    return int(found.ValuesLength()) * width


def _quantisation(parameters: Any) -> tuple[float, int]:
    if parameters is None or parameters.ScaleLength() == 0:
        return 0.0, 0
    zero_point = parameters.ZeroPoint(0) if parameters.ZeroPointLength() else 0
    return float(parameters.Scale(0)), int(zero_point)


def _signature(entry: Any) -> SignatureDef:
    inputs = (entry.Inputs(index) for index in range(entry.InputsLength()))
    outputs = (entry.Outputs(index) for index in range(entry.OutputsLength()))
    return SignatureDef(
        name=entry.SignatureKey().decode("utf-8", "replace"),
        subgraph=int(entry.SubgraphIndex()),
        inputs={
            tensor.Name().decode("utf-8", "replace"): tensor.TensorIndex() for tensor in inputs
        },
        outputs={
            tensor.Name().decode("utf-8", "replace"): tensor.TensorIndex() for tensor in outputs
        },
    )


def _integers(values: Any) -> tuple[int, ...]:
    # A vector that is absent reads as the integer 0.
    return () if isinstance(values, int) else tuple(int(value) for value in values)


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= max(size, 0)
    return product
