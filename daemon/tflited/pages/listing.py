"""Lists as tables: columns of words or figures, rows that are known again, cards on a phone."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tflited.pages.elements import clean, element

Content: TypeAlias = ET.Element | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column.

    Attributes:
        name: its head.
        is_number: its cells stand one under the other at their ends.
        is_wide: it takes the room that is left.
    """

    name: str
    is_number: bool = False
    is_wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row.

    Attributes:
        key: by which the script knows it again; the code's own.
        cells: as many as there are columns; the first is the row's header.
    """

    key: str
    cells: Sequence[Content]


def columns(*names: str) -> tuple[Column, ...]:
    """Columns from names: ``#`` before one is for figures, ``+`` for the one that is wide."""
    return tuple(
        Column(name=name.lstrip("#+"), is_number=name.startswith("#"), is_wide=name.startswith("+"))
        for name in names
    )


def listing(
    caption: str, heads: Sequence[Column], rows: Sequence[Row], *, kind: str = ""
) -> ET.Element:
    """A table; on a narrow screen each row is a card, so the roles are said in words.

    Args:
        caption: what is listed, for those who do not see the heading above.
        heads: the columns.
        rows: in order.
        kind: a class of its own in the style sheet; ``tight`` rows are short and never cards.
    """
    head = element(
        "tr",
        *(element("th", each.name, scope="col", role="columnheader", class_=_class(each))
          for each in heads),
        role="row",
    )  # fmt: skip
    return element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", head, role="rowgroup"),
        element("tbody", *(_row(row, heads) for row in rows), role="rowgroup"),
        class_="list tight" if kind == "tight" else f"list cards {kind}".strip(),
        role="table",
    )


def stacked(*contents: Content) -> ET.Element:
    """Several things in one cell, the first large and the others small below it."""
    first, *others = contents
    below = [element("div", each, class_="soft small") for each in others if each != ""]
    return element("div", element("div", first), *below)


def linked(text: str, address: str) -> ET.Element:
    """A text that leads somewhere; a path may break behind each of its slashes."""
    first, *others = text.split("/")
    made = element("a", first + "/" if others else first, href=address)
    for number, part in enumerate(others, 1):
        rest = element("wbr")
        rest.tail = clean(part + "/" if number < len(others) else part)
        made.append(rest)
    return made


def _row(row: Row, heads: Sequence[Column]) -> ET.Element:
    cells = [
        element(
            "th" if number == 0 else "td",
            content,
            role="rowheader" if number == 0 else "cell",
            class_=_class(head),
            data_label=head.name,
            **({"scope": "row"} if number == 0 else {}),
        )
        for number, (head, content) in enumerate(zip(heads, row.cells, strict=True))
    ]
    return element("tr", *cells, role="row", data_key=row.key)


def _class(head: Column) -> str:
    return "number" if head.is_number else "wide" if head.is_wide else "plain"
