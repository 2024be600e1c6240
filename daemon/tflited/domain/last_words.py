"""What a native crash says before it ends its process, and what to do about it.

An abort inside TensorFlow's C++ leaves no exception, only a line on standard error. The text is a
child's: it is looked through within bounds, and one short printable line of it is quoted.
"""

from dataclasses import dataclass
from typing import Final

_LONGEST_NOISE: Final = 16 * 1024
_LONGEST_LINE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWords:
    """One known way for native code to end its process.

    Attributes:
        code: its stable name.
        fragments: any of these in the noise means it.
        hint: the next step.
        is_retryable: whether trying again may help.
    """

    code: str
    fragments: tuple[str, ...]
    hint: str
    is_retryable: bool = False


TYPE_INFERENCE: Final = LastWords(
    code="type_inference",
    fragments=("Failed to infer result type", "missing attribute 'value'"),
    hint=(
        "the converter cannot type an operator of this model: save it with model.export() instead "
        "of model.save(), which leaves no such operator behind"
    ),
)
"""tensorflow#62610 and #63987; the compiler ends its process over it."""

OUT_OF_MEMORY: Final = LastWords(
    code="out_of_memory",
    fragments=(
        "std::bad_alloc",
        "OOM when allocating",
        "out of memory",
        "Cannot allocate memory",
        "Unable to allocate",
        "Failed to allocate memory",
    ),
    hint="give the service more memory, run fewer attempts at once, or use a smaller model",
    is_retryable=True,
)

NATIVE_ABORT: Final = LastWords(
    code="native_abort",
    fragments=(
        "LLVM ERROR",
        "Check failed:",
        "terminate called after throwing",
        "UNREACHABLE executed at",
        "Assertion `",
    ),
    hint=(
        "TensorFlow's native code gave up on this model: export it again as a SavedModel with the "
        "TensorFlow of this service; set variants to leave out the one that was being made when it "
        "ended; report it with the model and with what tflited logs JOB shows"
    ),
)

KNOWN: Final = (TYPE_INFERENCE, OUT_OF_MEMORY, NATIVE_ABORT)
"""Asked in this order: an abort is the outer form of the two before it."""


def recognised(noise: str) -> tuple[LastWords, str] | None:
    """The known end that a process's noise tells of, with the line that says so.

    Args:
        noise: what it wrote to its standard error; only the end is looked at.

    Returns:
        The end and its line, printable and short; None where the noise says nothing known.
    """
    lines = noise[-_LONGEST_NOISE:].splitlines()
    for known in KNOWN:
        for line in reversed(lines):
            if any(fragment in line for fragment in known.fragments):
                return known, _quoted(line)
    return None


def _quoted(line: str) -> str:
    text = "".join(sign if sign.isprintable() else "\ufffd" for sign in line.strip())
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 1]}…"
