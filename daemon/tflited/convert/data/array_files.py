"""Reads arrays from ``.npz`` and ``.npy`` files; headers are believed only as far as bytes go.

NumPy takes memory for whatever a header claims, and an archive of one megabyte can unpack to a
thousand; so sizes are compared first. Nothing is unpickled.
"""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy

from tflited.convert.arrays import Array
from tflited.convert.data.checks import reason_of, size_of, wrong

LARGEST_ARRAY: Final = 2**31
"""Bytes of one unpacked array of an archive; larger sets are several files, or ``.npy``."""
LARGEST_FILE: Final = 2**40
_BROKEN: Final = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    RuntimeError,  # an encrypted archive
    NotImplementedError,
    OverflowError,
    MemoryError,
    SyntaxError,  # a header that is no literal
    tokenize.TokenError,  # the same, on NumPy's second try
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an array says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of its values."""
        return prod(self.shape) * self.dtype.itemsize


def keys(file: Path) -> list[str]:
    """Names of the arrays in an ``.npz`` file.

    Raises:
        ConversionError: it is no archive.
    """
    with _opened(file) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def header(file: Path, key: str) -> Header:
    """The header of an array in an ``.npz`` file.

    Raises:
        ConversionError: it is no array of numbers, or claims more than there is.
    """
    subject = f"{file.name}: {key}"
    with _opened(file, subject) as archive:
        entry = archive.getinfo(f"{key}.npy")
        with archive.open(entry) as stream:
            found = _header(subject, stream)
        _check_size(subject, found, entry.file_size, largest=LARGEST_ARRAY)
        return found


def array(file: Path, key: str) -> Array:
    """An array of an ``.npz`` file.

    Raises:
        ConversionError: as ``header``, or the archive is damaged.
    """
    header(file, key)
    with _opened(file, f"{file.name}: {key}") as archive, archive.open(f"{key}.npy") as stream:
        return np.asarray(npy.read_array(stream, allow_pickle=False))


def mapped(file: Path) -> Array:
    """The array of an ``.npy`` file, of which only what is used is read.

    Raises:
        ConversionError: it is no array of numbers, or claims more than there is.
    """
    size = size_of(file, largest=LARGEST_FILE)
    with _explained(file.name, "a NumPy .npy array of numbers"):
        with file.open("rb") as stream:
            found = _header(file.name, stream)
            _check_size(file.name, found, size - stream.tell(), largest=LARGEST_FILE)
        if not found.nbytes:
            return np.zeros(found.shape, found.dtype)
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))


@contextmanager
def _opened(file: Path, subject: str = "") -> Iterator[zipfile.ZipFile]:
    size_of(file, largest=LARGEST_FILE)
    with _explained(subject or file.name, "a NumPy .npz archive"), zipfile.ZipFile(file) as archive:
        yield archive


@contextmanager
def _explained(subject: str, allowed: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise wrong(subject, f"cannot be read: {reason_of(error)}", allowed) from error


def _header(subject: str, stream: IO[bytes]) -> Header:
    version = npy.read_magic(stream)
    if version not in {(1, 0), (2, 0)}:
        # The third version is for structured elements, whose names are not Latin.
        raise wrong(subject, f"cannot be read: NumPy format {version}", "format 1 or 2")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise wrong(
            subject, "cannot be read: an array of objects, which are code", "arrays of numbers"
        )
    return Header(shape=shape, dtype=dtype)


def _check_size(subject: str, found: Header, available: int, *, largest: int) -> None:
    if min(found.shape, default=1) < 0 or found.nbytes > available:
        observed = f"its header claims {found.nbytes} bytes, {available} are there"
        raise wrong(subject, observed, "a whole array")
    if found.nbytes > largest:
        raise wrong(subject, f"{found.nbytes} bytes", f"at most {largest}: use several files")
