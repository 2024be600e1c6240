"""What a damaged zip archive may raise where it is read: one list for admission and the look."""

import lzma
import struct
import zipfile
import zlib
from typing import Final

UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
)
"""Of ``zipfile`` and its decompressors; RuntimeError, which NotImplementedError is one of, stands
for encryption and for methods that Python does not know."""
