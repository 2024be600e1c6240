"""Arrays in one flat file: bytes one after the other, told of by a document beside it.

NumPy's own formats are an archive with headers to parse; here a wrong number is an error at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, ClassVar, Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.domain.figures import FORBID_EXTRA
from tflited.errors import ConversionError

_TEXT: Final = "O"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where an array stands.

    Attributes:
        dtype: NumPy's name of the element type; ``object`` for byte strings.
        shape: its dimensions.
        at: byte in the file.
        texts: byte strings in hexadecimal, which stand here instead.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    dtype: str
    shape: tuple[int, ...]
    at: int = 0
    texts: tuple[str, ...] = ()


Store = Callable[[Array], Stored]
Load = Callable[[Stored], Array]


def storing(file: BinaryIO) -> Store:
    """What appends an array to a file."""

    def store(array: Array) -> Stored:
        if array.dtype.kind == _TEXT:
            texts = tuple(_bytes(value).hex() for value in array.ravel())
            return Stored(dtype="object", shape=array.shape, texts=texts)
        at = file.tell()
        file.write(np.ascontiguousarray(array).tobytes())
        return Stored(dtype=array.dtype.name, shape=array.shape, at=at)

    return store


def loading(file: Path) -> Load:
    """What reads an array from a file.

    Raises:
        ConversionError: from the function: the file does not hold such an array.
    """

    def load(stored: Stored) -> Array:
        try:
            if stored.dtype == "object":
                values = np.empty(len(stored.texts), dtype=object)
                values[:] = [bytes.fromhex(text) for text in stored.texts]
                return values.reshape(stored.shape)
            count = prod(stored.shape)
            content = _content(file, stored.at, count * np.dtype(stored.dtype).itemsize)
            return np.frombuffer(content, dtype=stored.dtype, count=count).reshape(stored.shape)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            raise ConversionError(f"An array of the evidence cannot be read: {error}.") from error

    return load


def _content(file: Path, at: int, size: int) -> bytes:
    if not 0 <= at <= at + size <= file.stat().st_size:
        raise ValueError(f"{size} bytes at {at} are not in the file")
    with file.open("rb") as stream:
        stream.seek(at)
        return stream.read(size)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
