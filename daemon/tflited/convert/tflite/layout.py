"""Lays a flatbuffer out for use in place: every constant once, inside it, aligned to 16 bytes.

TensorFlow's converter repacks its result in Python, which forgets the schema's
``force_align: 16`` of ``Buffer.data``; the LiteRT quantiser puts constants behind the flatbuffer,
where TensorFlow Lite for Microcontrollers does not look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
from ai_edge_litert import schema_py_generated as schema

ALIGNMENT: Final = 16
_IDENTIFIER: Final = b"TFL3"
_INITIAL_BYTES: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A signature to write into a file that has none; names in the order of the file's tensors."""

    signature: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the schema's classes are untyped
    """A constant that packs itself at an aligned place."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - the name is the generated class's
        """Writes the constant and returns where it begins, as the generated method does."""
        data = _packed(builder, self.data) if self.data is not None else None
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


def laid_out(content: bytes, contract: Contract | None = None) -> bytes:
    """The same model with every constant once, inside the flatbuffer and aligned.

    Args:
        content: a flatbuffer below 2 GB.
        contract: the signature of a file that has none; None keeps the file's own.

    Raises:
        ValueError: the file has another number of inputs or outputs than the contract.
    """
    model = _unpacked(content, contract)
    _share_constants(model)
    return _packed_model(model, len(content))


def taken_apart(content: bytes, contract: Contract | None = None) -> bytes:
    """The same model with a buffer of its own for each tensor, as TensorFlow's quantiser wants it.

    Args:
        content: as for ``laid_out``.
        contract: as for ``laid_out``.

    Raises:
        ValueError: as ``laid_out``.
    """
    model = _unpacked(content, contract)
    taken: set[int] = set()
    for tensor in _tensors(model):
        buffer = model.buffers[tensor.buffer]
        if tensor.buffer in taken and buffer.data is not None:
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        taken.add(tensor.buffer)
    return _packed_model(model, len(content))


def _unpacked(content: bytes, contract: Contract | None) -> Any:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    model.buffers = [_inside(buffer, content) for buffer in model.buffers or ()]
    if contract is not None:
        model.signatureDefs = [_signature(model.subgraphs[0], contract)]
    return model


def _packed_model(model: Any, size: int) -> bytes:
    builder = flatbuffers.Builder(size + _INITIAL_BYTES)
    # Built from the end: zeros there let a C string's own terminator be the file's last byte.
    builder.Pad(ALIGNMENT)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _share_constants(model: Any) -> None:
    """Lets tensors with equal constants point to one buffer; the copies are left empty.

    What an invocation may change, or a caller may write to, keeps a buffer of its own.
    """
    own = {
        tensor.buffer
        for graph in model.subgraphs
        for index, tensor in enumerate(graph.tensors)
        if tensor.isVariable or index in {*_indices(graph.inputs), *_indices(graph.outputs)}
    }
    used = {tensor.buffer for tensor in _tensors(model)} - own
    used -= {entry.buffer for entry in model.metadata or ()}
    first: dict[bytes, int] = {}
    shared = {
        index: first.setdefault(bytes(model.buffers[index].data), index)
        for index in sorted(used)
        if model.buffers[index].data is not None
    }
    for tensor in _tensors(model):
        tensor.buffer = shared.get(tensor.buffer, tensor.buffer)
    for index, kept in shared.items():
        if index != kept:
            model.buffers[index].data = None


def _tensors(model: Any) -> Iterator[Any]:
    for graph in model.subgraphs:
        yield from graph.tensors


def _indices(values: Any) -> list[int]:
    return [] if values is None else [int(value) for value in values]


def _signature(graph: Any, contract: Contract) -> Any:
    found = schema.SignatureDefT()
    found.signatureKey = contract.signature
    found.subgraphIndex = 0
    found.inputs = _names(contract.inputs, _indices(graph.inputs))
    found.outputs = _names(contract.outputs, _indices(graph.outputs))
    return found


def _names(names: tuple[str, ...], indices: list[int]) -> list[Any]:
    entries = []
    for name, index in zip(names, indices, strict=True):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        entries.append(entry)
    return entries


def _inside(buffer: Any, content: bytes) -> _AlignedBuffer:
    data = buffer.data
    if buffer.size:
        data = np.frombuffer(content, dtype=np.uint8, count=buffer.size, offset=buffer.offset)
    made = _AlignedBuffer()
    made.data = data if data is not None and len(data) else None
    return made


def _packed(builder: Any, data: Any) -> Any:
    values = np.asarray(data, dtype=np.uint8)
    builder.StartVector(1, len(values), ALIGNMENT)
    builder.head -= len(values)
    builder.Bytes[builder.head : builder.head + len(values)] = values.tobytes()
    return builder.EndVector()
