"""The page of a browser's session: what it may do now, and how to begin or end one."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Final

from tflited.pages.asking.page import hidden, problem, reading_only
from tflited.pages.elements import element
from tflited.pages.layout import document

ADDRESS: Final = "/session"
END_ADDRESS: Final = "/session/end"
_FIELD: Final = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """What the page shows.

    Attributes:
        name: of the token; empty without a session.
        may_write: whether forms that change something are taken.
        form_token: of the session.
        can_begin: whether there is a token that a session could be begun with.
        come_back: the page to go to afterwards.
        trouble: why no session was begun; empty for nothing.
    """

    name: str = ""
    may_write: bool = False
    form_token: str = ""
    can_begin: bool = False
    come_back: str = "/"
    trouble: str = ""


def page(view: SessionView) -> str:
    """A whole HTML document."""
    return document(
        "Access",
        element("h1", "Access"),
        element("p", _state(view)),
        *([_end(view)] if view.name else _begin(view)),
        here=ADDRESS,
    )


def _state(view: SessionView) -> str:
    if view.name:
        what = "read and write" if view.may_write else "read only: its token has no scope write"
        return f"A session with the token {view.name}: {what}."
    if view.may_write:
        return "Through the control socket everything is allowed."
    return "No session: this browser may look as far as reading needs no token."


def _begin(view: SessionView) -> list[ET.Element]:
    if view.may_write or not view.can_begin:
        return [] if view.may_write else [reading_only(ADDRESS, can_begin=False)]
    wrong = {"aria_invalid": "true"} if view.trouble else {}
    field = element(
        "input", id=_FIELD, name=_FIELD, type="password", required="", maxlength="4096",
        autocomplete="current-password", aria_describedby="token-help", **wrong,
    )  # fmt: skip
    told = "Paste what stands in the file of a [[http.token]]. It is kept for twelve hours at most."
    return [
        element(
            "form",
            *hidden({"next": view.come_back}),
            element(
                "div",
                element("label", "Token", for_=_FIELD),
                element("p", told, id="token-help", class_="soft"),
                *([problem(_FIELD, view.trouble)] if view.trouble else []),
                field,
                class_="field",
            ),
            element("p", element("button", "Begin a session", type="submit"), class_="buttons"),
            action=ADDRESS,
            method="post",
            class_="asking",
        )
    ]


def _end(view: SessionView) -> ET.Element:
    return element(
        "form",
        *hidden({"form_token": view.form_token}),
        element("p", element("button", "End the session", type="submit"), class_="buttons"),
        action=END_ADDRESS,
        method="post",
    )
