"""The page that answers ``why`` for any path: a form, and the facts of the answer."""

import xml.etree.ElementTree as ET

from tflited.domain.status import Explanation
from tflited.pages.elements import element, rendered, table
from tflited.pages.style import CSS
from tflited.pages.why_facts import facts


def page(answer: Explanation | None) -> str:
    """A whole HTML document.

    Args:
        answer: None before anything was asked. Its texts are never read as markup.
    """
    asked = "" if answer is None else answer.path
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{asked or 'why'}: tflited"),
        _style(),
    )
    found = () if answer is None else _answer(answer)
    main = element("main", element("h1", "Why?"), _form(asked), *found)
    tree = element("html", head, element("body", main), lang="en")
    return f"<!doctype html>\n{rendered(tree)}\n"


def _form(asked: str) -> ET.Element:
    field = element(
        "input", id="path", name="path", type="text", required="", size="60", maxlength="4096"
    )
    # A name that is no UTF-8 cannot be typed; the field is then left empty, never wrong.
    field.set("value", asked if asked.isprintable() else "")
    label = element("label", "Path of a model, file or folder ", for_="path")
    button = element("button", "Ask", type="submit")
    hint = element("p", "Absolute, ROOT/PATH, or PATH below a root.", class_="soft")
    line = element("p", label, field, " ", button)
    return element("form", line, hint, action="/why", method="get")


def _answer(answer: Explanation) -> tuple[ET.Element, ...]:
    return (
        element("h2", answer.path),
        element("p", element("strong", answer.subject)),
        element("p", answer.summary),
        table("What is known", ("fact", "value"), facts(answer)),
    )


def _style() -> ET.Element:
    # Not through ``element``, which takes line ends away: the hash in the policy is over this text.
    made = ET.Element("style")
    made.text = CSS
    return made
