"""Lays a flatbuffer out for use in place: every constant inside it and aligned to 16 bytes.

TensorFlow's converter repacks its result in Python, which forgets the schema's
``force_align: 16`` of ``Buffer.data``; the LiteRT quantiser puts constants behind the flatbuffer,
where TensorFlow Lite for Microcontrollers does not look.
"""

from typing import Any, Final

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
from ai_edge_litert import schema_py_generated as schema

ALIGNMENT: Final = 16
_IDENTIFIER: Final = b"TFL3"
_INITIAL_BYTES: Final = 1024


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the schema's classes are untyped
    """A constant that packs itself at an aligned place."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - the name is the generated class's
        """Writes the constant and returns where it begins, as the generated method does."""
        data = _packed(builder, self.data) if self.data is not None else None
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


def aligned(content: bytes) -> bytes:
    """The same model with every constant inside the flatbuffer and aligned.

    Args:
        content: a flatbuffer below 2 GB.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    model.buffers = [_inside(buffer, content) for buffer in model.buffers or ()]
    builder = flatbuffers.Builder(_INITIAL_BYTES)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


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
