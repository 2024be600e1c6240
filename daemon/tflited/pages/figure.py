"""The frame of a picture: the drawing, its caption, and a table with the same numbers."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Final

from tflited.pages.elements import details, element

FILLINGS: Final = (
    "A filled bar is proven, an empty one unverified, a dashed one rejected and not published."
)
"""What bars say."""
SHAPES: Final = (
    "A filled circle is proven, an empty triangle unverified, a cross rejected and not published."
)
"""What points say."""


def figure(drawing: ET.Element, note: str, numbers: ET.Element) -> ET.Element:
    """A picture, what it means, and its numbers as a table."""
    return element(
        "figure",
        drawing,
        element("figcaption", note),
        details("The same numbers as a table", numbers),
    )


def left_out(drawn: int, there: int) -> str:
    """The words for a picture that does not show everything."""
    return f" The {drawn} worst of {there} are drawn." if drawn < there else ""


def listed(parts: Iterable[str]) -> str:
    """Facts as one sentence."""
    return "; ".join(parts) + "."
