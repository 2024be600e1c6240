"""Draws bars and points as SVG; what a colour says is said by shape and words too."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tflited.domain.report import VariantState
from tflited.pages.elements import element, scrolling
from tflited.pages.wording import shortened

WIDTH: Final = 800.0
_LABELS: Final = 280.0
"""Where bars begin; their labels end there."""
_BARS: Final = 360.0
"""The longest bar."""
_ROW: Final = 24.0
_BAR: Final = 13.0
_LABEL_CHARACTERS: Final = 32
_GUIDE_CHARACTERS: Final = 6.4
"""Width of a character of a guide's name, near enough to keep two names apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        label: what it stands for.
        length: its value; None draws none and leaves the words.
        words: its value in words.
        state: told by filling and colour.
    """

    label: str
    length: float | None
    words: str
    state: VariantState = VariantState.PROVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """A value that bars or points are held against."""

    value: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a picture is called: its id in the page, its title, and what can be seen in it."""

    id: str
    title: str
    description: str


def bars(
    caption: Caption, groups: Sequence[tuple[str, Sequence[Bar]]], guides: Sequence[Guide] = ()
) -> ET.Element:
    """Horizontal bars from zero; values below zero have none.

    Args:
        caption: of the picture.
        groups: heading (none where empty) and its bars.
        guides: values to hold the bars against.
    """
    lengths = [bar.length for _, entries in groups for bar in entries if bar.length is not None]
    longest = max([*lengths, *(guide.value for guide in guides)], default=0.0)
    scale = _BARS / longest if longest > 0 else 0.0
    top = _ROW * _guide_rows(guides, scale)
    shapes: list[ET.Element] = []
    words: list[ET.Element] = []
    y = top
    for heading, entries in groups:
        if heading:
            y += _ROW
            title = shortened(heading, 90)
            words.append(element("text", title, x=4, y=y - 7, class_="head"))
        for bar in entries:
            shapes += _shape(bar, y, scale)
            words += _words(bar, y, scale)
            y += _ROW
    axis = element("line", x1=_LABELS, x2=_LABELS, y1=top, y2=y, class_="axis")
    return picture(caption, y + 6, [axis, *shapes, *_guides(guides, scale, y), *words])


def picture(caption: Caption, height: float, parts: Sequence[ET.Element]) -> ET.Element:
    """The SVG with its title and description, scrolling on a narrow screen."""
    return scrolling(
        element(
            "svg",
            element("title", caption.title, id=f"{caption.id}-title"),
            element("desc", caption.description, id=f"{caption.id}-desc"),
            *parts,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
            role="img",
            aria_labelledby=f"{caption.id}-title {caption.id}-desc",
        )
    )


def _shape(bar: Bar, y: float, scale: float) -> list[ET.Element]:
    if bar.length is None or bar.length <= 0:
        return []
    name = f"mark {bar.state.value} {_FILLING[bar.state]}".strip()
    top, length = y + (_ROW - _BAR) / 2, max(bar.length * scale, 1.0)
    return [element("rect", x=_LABELS, y=top, width=length, height=_BAR, class_=name)]


def _words(bar: Bar, y: float, scale: float) -> list[ET.Element]:
    base = y + _ROW / 2 + 4.5
    end = _LABELS + max(bar.length or 0.0, 0.0) * scale
    label = shortened(bar.label, _LABEL_CHARACTERS)
    return [
        element("text", label, x=_LABELS - 8, y=base, text_anchor="end"),
        element("text", bar.words, x=end + 8, y=base),
    ]


_FILLING: Final = {
    VariantState.PROVEN: "solid",
    VariantState.UNVERIFIED: "",
    VariantState.REJECTED: "dashed",
}


def _guide_rows(guides: Sequence[Guide], scale: float) -> int:
    return max((row + 1 for row, _, _ in _guide_places(guides, scale)), default=0)


def _guide_places(guides: Sequence[Guide], scale: float) -> list[tuple[int, float, Guide]]:
    """Row of the name, and place, of each guide; a name that would touch another moves down."""
    ends: list[float] = []
    found = []
    for guide in sorted(guides, key=lambda entry: entry.value):
        x = _LABELS + guide.value * scale
        width = len(guide.name) * _GUIDE_CHARACTERS
        row = next((n for n, end in enumerate(ends) if end < x - width / 2), len(ends))
        ends[row : row + 1] = [x + width / 2]
        found.append((row, x, guide))
    return found


def _guides(guides: Sequence[Guide], scale: float, bottom: float) -> list[ET.Element]:
    parts = []
    for row, x, guide in _guide_places(guides, scale):
        y = row * _ROW + 15
        parts.append(element("line", x1=x, x2=x, y1=y + 4, y2=bottom, class_="guide"))
        parts.append(element("text", guide.name, x=x, y=y, text_anchor="middle", class_="named"))
    return parts
