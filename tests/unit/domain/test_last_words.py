"""What the end of a process's noise is taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.domain.last_words import KNOWN, recognised
from tflited.telemetry.metrics.reasons import REASONS


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("LLVM ERROR: Failed to infer result type(s).", "type_inference"),
        ("<unknown>:0: error: missing attribute 'value'", "type_inference"),
        ("LLVM ERROR: out of memory", "out_of_memory"),
        (
            "terminate called after throwing an instance of 'std::bad_alloc'",
            "out_of_memory",
        ),
        (
            "F0000 00:00:1 1 tensor_shape.cc:601] Check failed: size >= 0 (-1 vs. 0)",
            "native_abort",
        ),
        ("LLVM ERROR: unsupported calling convention", "native_abort"),
        ("python: x.cc:1: f(): Assertion `ok' failed.", "native_abort"),
    ],
)
def test_known_ends(line: str, code: str) -> None:
    """The line is quoted, whatever stands around it."""
    found = recognised(f"I0000 loading\n{line}\nAborted (core dumped)\n")
    assert found is not None
    known, quoted = found
    assert (known.code, quoted) == (code, line)
    assert known.hint


@pytest.mark.parametrize("noise", ["", "Aborted", "I0000 port.cc: oneDNN operations are on\n"])
def test_what_says_nothing_is_not_guessed(noise: str) -> None:
    """An ordinary crash keeps its ordinary words."""
    assert recognised(noise) is None


def test_the_last_line_counts() -> None:
    """Earlier complaints were survived."""
    found = recognised("LLVM ERROR: first\nLLVM ERROR: second\n")
    assert found is not None
    assert found[1] == "LLVM ERROR: second"


@given(st.text(), st.text())
def test_what_is_quoted_is_short_and_printable(before: str, after: str) -> None:
    """The text is a hostile child's, and ends up in terminals and on pages."""
    found = recognised(f"{before}LLVM ERROR{after}" * 50)
    assert found is not None
    assert len(found[1]) <= 300
    assert found[1].isprintable()


def test_every_code_has_its_series() -> None:
    """Failures are counted by their code."""
    assert {known.code for known in KNOWN} <= set(REASONS)
