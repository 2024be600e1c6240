"""The end of a child's noise, from a real pipe."""

import os
from collections.abc import Iterator

import pytest

from tflited.workers.noise import NOISE_BYTES, Noise


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_end_of_a_long_noise_is_kept(pipe: tuple[int, int]) -> None:
    """Only the last bytes count."""
    reader, writer = pipe
    noise = Noise(descriptor=reader)
    for number in range(40):
        os.write(writer, f"{number:02}".encode() * 512)
        assert noise.read()
    text = noise.finish()
    assert len(text) == NOISE_BYTES
    assert text.startswith("24")
    assert text.endswith("39")


def test_open_pipe_does_not_hold_the_daemon(pipe: tuple[int, int]) -> None:
    """A descendant that keeps the pipe open is not waited for."""
    reader, writer = pipe
    os.write(writer, b"last words")
    assert Noise(descriptor=reader).finish() == "last words"


def test_cut_character_is_no_error(pipe: tuple[int, int]) -> None:
    """Bytes that are no UTF-8 are shown as such, and control characters not obeyed."""
    reader, writer = pipe
    os.write(writer, b"\xa4\x1b[2J\tok\n")
    assert Noise(descriptor=reader).finish() == "\ufffd\ufffd[2J\tok\n"
