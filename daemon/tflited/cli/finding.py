"""One thing that ``tflited doctor`` found, good or bad."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the doctor's answer.

    Attributes:
        name: what was looked at.
        is_ok: whether it may stay as it is.
        text: what was seen; where it is not right, against what is needed, and the fix.
    """

    name: str
    is_ok: bool
    text: str
