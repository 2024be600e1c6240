"""The initialiser of a C array: bytes in braces, or one string for what is large.

Compilers take some hundred bytes of memory and a microsecond for each number in braces, and next to
nothing for a string (docs/adr/0008). The string form needs a last byte of zero, which is then the
terminator that C appends: so the array is exactly as long as the file in C and in C++, and no
compiler warns of a string that does not fit.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LARGE_BYTES: Final = 2**16
"""From here on a string. Below, braces: every compiler takes them, and they are quick enough."""
_PER_LINE: Final = 16
_PER_STRING: Final = 32
_CHUNK_BYTES: Final = 2**16
"""What is worked on at once stays in the processor's cache."""
_DIGITS: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_UNSAFE: Final = b'"\\?'
_PRINTABLE: Final = range(0x20, 0x7F)
_ABSENT: Final = b"\0"


def initialiser(content: bytes) -> bytes:
    """What stands behind ``=``, without the semicolon.

    Args:
        content: at least one byte.
    """
    if is_string(content):
        return string(content)
    return b"".join((b"{\n", hexadecimal(content), b"\n}"))


def is_string(content: bytes) -> bool:
    """Whether the string form is used: for what is large and ends in a zero byte."""
    return len(content) >= LARGE_BYTES and content.endswith(b"\0")


def hexadecimal(content: bytes) -> bytes:
    """Bytes as ``0x1c,`` sixteen to a line; the last is followed by a comma too, as C allows.

    Args:
        content: at least one byte.
    """
    data = np.frombuffer(content, dtype=np.uint8)
    cells = np.empty((data.size, 5), dtype=np.uint8)
    cells[:] = np.frombuffer(b"0x00,", dtype=np.uint8)
    cells[:, 2] = _DIGITS[data >> 4]
    cells[:, 3] = _DIGITS[data & 15]
    whole = data.size - data.size % _PER_LINE
    lines = np.full((whole // _PER_LINE, 5 * _PER_LINE + 1), ord("\n"), dtype=np.uint8)
    lines[:, :-1] = cells[:whole].reshape(-1, 5 * _PER_LINE)
    return bytes(lines.tobytes() + cells[whole:].tobytes()).rstrip(b"\n")


def string(content: bytes) -> bytes:
    """String literals, thirty-two bytes to a line, of all bytes but the last.

    Args:
        content: ends in a zero byte, which the compiler appends.
    """
    data = np.frombuffer(content, dtype=np.uint8)[:-1]
    whole = data.size - data.size % _PER_STRING
    lines = np.empty((_CHUNK_BYTES // _PER_STRING, _PER_STRING + 1), dtype=np.uint32)
    lines[:, -1] = np.frombuffer(b'"\n"\0', dtype=np.uint32)
    parts = [b'"']
    for begin in range(0, whole, _CHUNK_BYTES):
        values = data[begin : min(begin + _CHUNK_BYTES, whole)].reshape(-1, _PER_STRING)
        lines[: len(values), :-1] = _ESCAPES[values]
        parts.append(_packed(lines[: len(values)]))
    parts += [_packed(_ESCAPES[data[whole:]]), b'"']
    return b"".join(parts)


def _packed(cells: NDArray[np.uint32]) -> bytes:
    return cells.tobytes().translate(None, _ABSENT)


def _escapes() -> NDArray[np.uint32]:
    """For each byte its characters in a string, filled up to four with zeros.

    Octal escapes end after three digits, whatever follows. The question mark is escaped since two
    of them may begin a trigraph.
    """
    table = np.zeros((256, 4), dtype=np.uint8)
    for byte in range(256):
        is_plain = byte in _PRINTABLE and byte not in _UNSAFE
        text = bytes((byte,)) if is_plain else f"\\{byte:03o}".encode()
        table[byte, : len(text)] = np.frombuffer(text, dtype=np.uint8)
    return table.view(np.uint32).ravel()


_ESCAPES: Final = _escapes()
