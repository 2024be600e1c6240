"""The page that answers ``why`` for any path: a form, and the facts of the answer."""

import xml.etree.ElementTree as ET

from tflited.domain.status import Explanation
from tflited.pages.elements import element, table
from tflited.pages.layout import document
from tflited.pages.why_facts import facts


def page(answer: Explanation | None) -> str:
    """A whole HTML document.

    Args:
        answer: None before anything was asked. Its texts are never read as markup.
    """
    asked = "" if answer is None else answer.path
    found = () if answer is None else _answer(answer)
    return document(
        f"Why {asked}" if asked else "Why?",
        element("h1", "Why?"),
        _form(asked),
        *found,
        here="/why",
    )


def _form(asked: str) -> ET.Element:
    field = element(
        "input", id="path", name="path", type="text", required="", size="60", maxlength="4096"
    )
    # A name that is no UTF-8 cannot be typed; the field is then left empty, never wrong.
    field.set("value", asked if asked.isprintable() else "")
    label = element("label", "Path of a model, file or folder", for_="path")
    button = element("button", "Ask", type="submit")
    hint = element("p", "Absolute, ROOT/PATH, or PATH below a root.", class_="soft")
    line = element("p", label, field, button, class_="asked")
    return element("form", line, hint, action="/why", method="get")


def _answer(answer: Explanation) -> tuple[ET.Element, ...]:
    return (
        element("h2", answer.path),
        element("p", element("strong", answer.subject)),
        element("p", answer.summary),
        table("What is known", ("fact", "value"), facts(answer)),
    )
