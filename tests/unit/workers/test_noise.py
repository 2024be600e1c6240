"""What is kept and told of a process's noise, from a real pipe."""

import os
from collections.abc import Iterator

import pytest

from tflited.workers.noise import HEAD_BYTES, LONGEST_LINE, TAIL_BYTES, Lines, Noise


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_the_beginning_and_the_end_of_a_long_noise_are_kept(pipe: tuple[int, int]) -> None:
    """The first complaint and the last words; the gap says how much it left out."""
    reader, writer = pipe
    noise = Noise(descriptor=reader)
    for number in range(40):
        os.write(writer, f"{number:02}".encode() * 512)
        assert noise.read()
    head, gap, tail = noise.finish().split("\n")
    assert (len(head), head[:2], head[-2:]) == (HEAD_BYTES, "00", "07")
    assert gap == f"[{40 * 1024 - HEAD_BYTES - TAIL_BYTES} bytes are left out here]"
    assert (len(tail), tail[:2], tail[-2:]) == (TAIL_BYTES, "16", "39")


def test_open_pipe_does_not_hold_the_daemon(pipe: tuple[int, int]) -> None:
    """A descendant that keeps the pipe open is not waited for."""
    reader, writer = pipe
    os.write(writer, b"last words")
    assert Noise(descriptor=reader).finish() == "last words"


def test_cut_character_is_no_error(pipe: tuple[int, int]) -> None:
    """Bytes that are no UTF-8 are shown as such, and control characters not obeyed."""
    reader, writer = pipe
    os.write(writer, b"\xa4\x1b]0;title\x07\tok\n")
    assert Noise(descriptor=reader).finish() == "\ufffd\ufffd]0;title\ufffd\tok\n"


def test_a_progress_bar_reads_as_lines(pipe: tuple[int, int]) -> None:
    """Colours are left out, and a return of the carriage ends a line."""
    reader, writer = pipe
    os.write(writer, b"\x1b[1m1/2\x1b[0m\r\x1b[32m2/2\x1b[0m\r\ndone\x1b[2J")
    assert Noise(descriptor=reader).finish() == "1/2\n2/2\ndone"


def test_lines_are_told_once_they_are_whole(pipe: tuple[int, int]) -> None:
    """What a write cut apart is one line, empty ones are none, and an endless one is cut."""
    reader, writer = pipe
    lines = Lines(descriptor=reader)
    assert lines.read() == []
    os.write(writer, b"one\n\ntw")
    assert lines.read() == ["one"]
    os.write(writer, b"o\n")
    assert lines.read() == ["two"]
    os.write(writer, b"x" * 5000)
    assert lines.read() == ["x" * LONGEST_LINE + "…"]


def test_the_last_line_needs_no_end() -> None:
    """A process that dies in the middle of a line has said it."""
    reader, writer = os.pipe()
    os.write(writer, b"last")
    os.close(writer)
    lines = Lines(descriptor=reader)
    assert [lines.read(), lines.read(), lines.read()] == [[], ["last"], None]
    os.close(reader)
