"""Builds HTML and SVG as a tree, so that whatever comes from a model is text by construction.

Only text nodes take foreign strings; names of tags and attributes, and attributes' values, are the
code's own.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from typing import Final

_REPLACEMENT: Final = "\ufffd"
_SHORT: Final = 18
"""Characters of a cell that is not broken into lines."""


def element(tag: str, *children: ET.Element | str, **attributes: str | float) -> ET.Element:
    """One element.

    Args:
        tag: its name.
        children: elements and texts, in order; texts may hold anything.
        attributes: ``_`` stands for ``-``, and a trailing one keeps clear of Python's words.
            Numbers are written with one decimal, so that equal records give equal bytes.
    """
    named = {name.rstrip("_").replace("_", "-"): _value(v) for name, v in attributes.items()}
    made = ET.Element(tag, named)
    for child in children:
        if isinstance(child, str):
            _append_text(made, clean(child))
        else:
            made.append(child)
    return made


def clean(text: str) -> str:
    """A text without what a browser or a terminal would obey or refuse.

    Control characters, marks that turn the writing direction, and halves of surrogate pairs become
    the replacement character; line ends and tabs become spaces.
    """
    return "".join(
        " " if sign.isspace() else sign if sign.isprintable() else _REPLACEMENT for sign in text
    )


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[str | ET.Element]]
) -> ET.Element:
    """A table with a caption; the first cell of each row is the row's header."""
    head = element("tr", *(element("th", name, scope="col") for name in columns))
    return scrolling(
        element(
            "table",
            element("caption", caption),
            element("thead", head),
            element("tbody", *(_row(cells) for cells in rows)),
        )
    )


def scrolling(content: ET.Element) -> ET.Element:
    """Wide content that scrolls by itself on a narrow screen, also by keyboard."""
    return element("div", content, class_="scroll", tabindex="0")


def details(summary: str, *children: ET.Element) -> ET.Element:
    """Content that opens on request, without a script."""
    return element("details", element("summary", summary), *children)


def rendered(tree: ET.Element) -> str:
    """The tree as HTML."""
    return ET.tostring(tree, encoding="unicode", method="html")


def _row(cells: Sequence[str | ET.Element]) -> ET.Element:
    first, *others = cells
    return element("tr", element("th", first, scope="row"), *map(_cell, others))


def _cell(content: str | ET.Element) -> ET.Element:
    """A cell; a figure and its unit stay on one line."""
    is_short = isinstance(content, str) and len(content) <= _SHORT
    return element("td", content, class_="short") if is_short else element("td", content)


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}"


def _append_text(parent: ET.Element, text: str) -> None:
    if len(parent):
        last = parent[-1]
        last.tail = (last.tail or "") + text
    else:
        parent.text = (parent.text or "") + text
