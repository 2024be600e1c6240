"""The frame of every page that is served: head, way around, content, and the place for news."""

import xml.etree.ElementTree as ET
from typing import Final

from tflited.pages.elements import element, rendered

NAVIGATION: Final = (
    ("/", "Overview"),
    ("/models", "Models"),
    ("/jobs", "Jobs"),
    ("/convert", "Convert now"),
    ("/compare", "Compare"),
    ("/why", "Why?"),
    ("/session", "Access"),
)
"""Address and name of every page that can be gone to from all others."""
STYLE_PATH: Final = "/assets/tflited.css"
SCRIPT_PATH: Final = "/assets/tflited.js"
ICON_PATH: Final = "/assets/icon.svg"


def document(title: str, *content: ET.Element, here: str = "", is_live: bool = False) -> str:
    """A whole HTML document.

    Args:
        title: of the window; what stands in it is never read as markup.
        content: of the page's main part, which begins with its ``h1``.
        here: the entry of ``NAVIGATION`` that the page belongs to; empty for none.
        is_live: the script keeps the page as the daemon now has it.
    """
    live = {"data_live": ""} if is_live else {}
    main = element("main", *content, id="main", tabindex="-1", **live)
    body = element(
        "body",
        element("a", "Skip to content", href="#main", class_="skip"),
        _header(here, is_live=is_live),
        main,
        element("p", id="news", class_="unseen", role="status", aria_live="polite"),
    )
    tree = element("html", _head(title), body, lang="en")
    return f"<!doctype html>\n{rendered(tree)}\n"


def _head(title: str) -> ET.Element:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="same-origin"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} | tflited"),
        element("link", rel="icon", href=ICON_PATH, type="image/svg+xml"),
        element("link", rel="stylesheet", href=STYLE_PATH),
        element("script", src=SCRIPT_PATH, defer=""),
    )


def _header(here: str, *, is_live: bool) -> ET.Element:
    links = [_link(address, name, is_here=address == here) for address, name in NAVIGATION]
    parts = [
        element("a", "tflited", href="/", class_="brand"),
        element("nav", element("ul", *links), aria_label="Pages"),
    ]
    if is_live:  # filled by the script: without one nothing is live
        parts.append(element("span", id="link", class_="link", hidden=""))
    return element("header", *parts, class_="top")


def _link(address: str, name: str, *, is_here: bool) -> ET.Element:
    here = {"aria_current": "page"} if is_here else {}
    return element("li", element("a", name, href=address, **here))
