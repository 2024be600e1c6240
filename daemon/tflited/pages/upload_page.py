"""The page on which a person uploads a model into a root."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from tflited.domain.access import UploadRules
from tflited.pages import wording
from tflited.pages.asking.page import hidden, reading_only
from tflited.pages.elements import element
from tflited.pages.layout import document

ADDRESS: Final = "/uploads"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadView:
    """What the page shows.

    Attributes:
        rules: where uploads land; None where none are taken.
        may_write: whether this browser may upload.
        can_begin: whether there is a token that it could begin a session with.
        form_token: of the session; empty without one.
        landed: ``ROOT/PATH`` of what was uploaded just now.
        trouble: why nothing landed; empty for nothing.
    """

    rules: UploadRules | None
    may_write: bool = False
    can_begin: bool = False
    form_token: str = ""
    landed: str = ""
    trouble: str = ""


def page(view: UploadView) -> str:
    """A whole HTML document."""
    parts: list[ET.Element] = [element("h1", "Upload a model")]
    if view.rules is None:
        parts.append(
            element(
                "p",
                element("strong", "No uploads are taken. "),
                "root in the table [http.uploads] of the configuration names the root that they"
                " land in.",
                class_="notice",
            )
        )
        return document("Upload a model", *parts, here="/convert")
    if view.trouble:
        told = element("p", view.trouble)
        heading = element("h2", "Nothing landed", id="wrong")
        parts.append(
            element("div", heading, told, class_="notice wrong", role="alert", tabindex="-1")
        )
    if view.landed:
        parts.append(_landed(view.landed))
    parts.append(element("p", _told(view.rules)))
    if view.may_write:
        parts.append(_form(view))
    else:
        parts.append(reading_only(ADDRESS, can_begin=view.can_begin))
    title = "Error: Upload a model" if view.trouble else "Upload a model"
    return document(title, *parts, here="/convert")


def _told(rules: UploadRules) -> str:
    place = "/".join(filter(None, (rules.root, rules.folder)))
    return (
        f"It lands below {place} like any drop, and is converted under the policy there: a .keras,"
        " .h5 or .hdf5 file, a SavedModel folder, or a .zip, .tar or .tar.gz of one; at most"
        f" {wording.size(rules.largest_bytes)}."
    )


def _landed(model: str) -> ET.Element:
    asked = quote(model, safe="/")
    return element(
        "div",
        element(
            "p",
            element("strong", "Landed: "),
            model,
            ". It is converted once it has settled: ",
            element("a", "its page", href=f"/model?path={asked}"),
            ", ",
            element("a", "why", href=f"/why?path={asked}"),
            ", ",
            element("a", "Convert now", href=f"/convert?path={asked}"),
            ".",
        ),
        class_="notice",
        role="status",
    )


def _form(view: UploadView) -> ET.Element:
    return element(
        "form",
        *hidden({"form_token": view.form_token}),
        element(
            "fieldset",
            element("legend", "Model"),
            element(
                "div",
                _replace(),
                _files("file", "A file or an archive", "One of them is enough.", {}),
                _files("folder", "or a folder", "A SavedModel's folder.", {"webkitdirectory": ""}),
                class_="fields",
            ),
        ),
        element("p", element("button", "Upload", type="submit"), class_="buttons"),
        element("progress", id="sent", max="1", value="0", hidden="", aria_label="Sent"),
        action=ADDRESS,
        method="post",
        enctype="multipart/form-data",
        class_="asking",
        data_upload="",
    )


def _replace() -> ET.Element:
    """Before the files: what is said of them must be known when they come."""
    box = element("input", type="checkbox", id="replace", name="replace", value="true")
    label = element("label", "Replace one of that name", for_="replace")
    return element("div", element("div", box, label), class_="field switch wide")


def _files(field: str, label: str, told: str, more: dict[str, str]) -> ET.Element:
    return element(
        "div",
        element("label", label, for_=field),
        element("p", told, id=f"{field}-help", class_="soft"),
        element(
            "input", type="file", id=field, name="files", aria_describedby=f"{field}-help", **more
        ),
        class_="field",
    )
