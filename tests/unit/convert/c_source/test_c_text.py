"""The initialiser of a C array: every byte, in order, in the form that its size asks for."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tflited.convert.c_source.c_text import LARGE_BYTES, hexadecimal, initialiser, is_string, string

ESCAPE = re.compile(rb"\\([0-7]{3})|([^\\\"])", re.DOTALL)


def read_back(text: bytes) -> bytes:
    """What a C compiler makes of the literals, its own terminator included."""
    inside = b"".join(re.findall(rb'^"(.*)"$', text, re.MULTILINE))
    values = [int(octal, 8) if octal else plain[0] for octal, plain in ESCAPE.findall(inside)]
    return bytes(values) + b"\0"


@given(st.binary(min_size=1, max_size=200))
def test_hexadecimal_reads_back(content: bytes) -> None:
    """Every byte is there, in order."""
    text = hexadecimal(content).decode()
    assert bytes(int(value, 16) for value in re.findall(r"0x([0-9a-f]{2}),", text)) == content


def test_lines_are_sixteen_bytes() -> None:
    """Lines are short enough for editors and diffs."""
    lines = hexadecimal(bytes(40)).split(b"\n")
    assert [line.count(b"0x") for line in lines] == [16, 16, 8]


@given(st.binary(max_size=200))
def test_a_string_reads_back(content: bytes) -> None:
    """Also around quotes, backslashes and digits behind an escape."""
    assert read_back(string(content + b"\0")) == content + b"\0"


def test_a_large_string_reads_back() -> None:
    """Every value, also where one piece of work ends and the next begins."""
    content = bytes(range(256)) * 1025 + b"12\0"
    assert read_back(string(content)) == content


def test_a_string_has_no_trigraph() -> None:
    """Two question marks and a third character are another character to an old compiler."""
    assert b"?" not in string(b"??/??=\0")


def test_only_what_is_large_and_ends_in_zero_is_a_string() -> None:
    """Anything else would be a byte too long, or needlessly hard to read."""
    assert is_string(bytes(LARGE_BYTES))
    assert not is_string(bytes(LARGE_BYTES - 1))
    assert not is_string(bytes(LARGE_BYTES) + b"\1")
    assert initialiser(b"\1" * LARGE_BYTES).startswith(b"{")
