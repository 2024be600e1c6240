"""Figures as people read them."""

from typing import Final

NOTHING: Final = "\u2013"
"""Where there is no figure."""
_BYTES: Final = 1024


def size(count: int | None) -> str:
    """Bytes in binary units."""
    if count is None:
        return NOTHING
    value: float = count
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < _BYTES:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _BYTES
    return f"{value:.1f} GiB"


def percent(ratio: float | None) -> str:
    """A ratio as a percentage with one decimal."""
    return NOTHING if ratio is None else f"{100 * ratio:.1f} %"


def decibels(value: float | None) -> str:
    """A signal-to-noise ratio; there is none where nothing differs."""
    return "exact" if value is None else f"{value:.1f} dB"


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits."""
    return NOTHING if value is None else f"{value:.{digits}g}"


def counts(values: dict[str, str]) -> str:
    """``NAME FIGURE`` of each entry, in one line."""
    return ", ".join(f"{name} {figure}" for name, figure in values.items()) or NOTHING


def shortened(text: str, longest: int) -> str:
    """A text of at most so many characters, its middle left out."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return f"{text[: longest - 1 - tail]}…{text[len(text) - tail :]}"
