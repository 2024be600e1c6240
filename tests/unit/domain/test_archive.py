"""What is caught where a damaged zip archive is read."""

import io
import zipfile

import pytest

from tflited.domain.archive import UNREADABLE


def archive() -> bytes:
    """An archive with one compressed member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("weights", bytes(range(256)) * 64)
    return file.getvalue()


@pytest.mark.parametrize(
    ("offset", "byte"),
    [(35, 0xFF), (45, 0xFF), (0, 0)],
    ids=["the name", "the compressed bytes", "the header"],
)
def test_damage_is_caught(offset: int, byte: int) -> None:
    """A damaged byte of a member raises one of the listed errors, and no other."""
    content = bytearray(archive())
    content[offset] = byte
    with pytest.raises(UNREADABLE), zipfile.ZipFile(io.BytesIO(content)) as made:
        made.read("weights")


def test_encryption_is_caught() -> None:
    """A member that asks for a password raises one of the listed errors."""
    content = bytearray(archive())
    content[6] |= 1
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1
    with pytest.raises(UNREADABLE), zipfile.ZipFile(io.BytesIO(content)) as made:
        made.read("weights")
