"""One field of the form: where it stands in the trigger document, and how its text is read."""

import json
import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

LONGEST_TABLE: Final = 4096
"""Characters of keys written as TOML: a dotted key costs the parser the square of its parts."""


class Look(StrEnum):
    """How a field looks."""

    LINE = "line"
    """One line of text."""
    AREA = "area"
    """Several lines."""
    CHOICE = "choice"
    """One of a list."""
    SEVERAL = "several"
    """Any number of a list."""
    SWITCH = "switch"
    """On or off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    Attributes:
        key: dotted key of the trigger document; also the field's name.
        label: what it is called.
        help: one line on what it does and what it may be.
        read: turns what was typed into the document's value; raises ``ValueError`` with what is
            allowed.
        look: how it looks.
        choices: value and words of each, where there is a list.
        value: what stands in it at first.
        known: id of a list of suggestions; empty without one.
    """

    key: str
    label: str
    help: str
    read: Callable[[str], Any] = str
    look: Look = Look.LINE
    choices: Sequence[tuple[str, str]] = ()
    value: str = ""
    known: str = ""

    @property
    def id(self) -> str:
        """Of its element."""
        return self.key.replace(".", "-").replace("_", "-")


def whole(text: str) -> int:
    """A whole number.

    Raises:
        ValueError: it is none.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise ValueError("a whole number")
    return int(text)


def number(text: str) -> float:
    """A number.

    Raises:
        ValueError: it is none, or not finite.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError("a number, with a point: 0.5")
    return value


def truth(text: str) -> bool:
    """Yes or no.

    Raises:
        ValueError: it is neither.
    """
    if text not in {"true", "false"}:
        raise ValueError("true or false")
    return text == "true"


def names(text: str) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def shapes(text: str) -> list[int] | dict[str, list[int]]:
    """``1,224,224,3`` for the only input, or a line ``NAME=1,4`` for each.

    Raises:
        ValueError: it is neither.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line.rpartition("=") for line in lines]
    try:
        found = {name.strip(): _sizes(sizes) for name, _, sizes in named}
    except ValueError:
        raise ValueError(_SHAPES) from None
    if len(found) != len(lines) or ("" in found and len(found) > 1):
        raise ValueError(_SHAPES)
    return found.get("", found)


def table(text: str) -> dict[str, Any]:
    """Keys of a policy as a folder file has them.

    Raises:
        ValueError: they are no TOML.
    """
    if len(text) > LONGEST_TABLE:
        raise ValueError(f"at most {LONGEST_TABLE} characters")
    try:
        found = tomllib.loads(text)
        json.dumps(found, allow_nan=False)  # dates and what is no number have no form in JSON
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"KEY = VALUE on each line, as in .tflited.toml ({error})") from error
    return found


_DIGITS: Final = 18
_SHAPES: Final = "1,224,224,3 for the only input, or a line NAME=1,4 for each"


def _sizes(text: str) -> list[int]:
    return [whole(size.strip()) for size in text.split(",")]
