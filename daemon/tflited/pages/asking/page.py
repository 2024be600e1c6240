"""The page of the form: fields with what was typed, refusals beside them, and the document made."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tflited.pages.asking.command import command
from tflited.pages.asking.document import Typed
from tflited.pages.asking.field import Field, Look
from tflited.pages.asking.fields import FIELDS, GROUPS, KNOWN_MODELS, Group
from tflited.pages.elements import element
from tflited.pages.layout import document

ADDRESS: Final = "/convert"
DOCUMENT_ADDRESS: Final = "/convert/document"
NONCE: Final = "form"
SESSION_ADDRESS: Final = "/session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form as it is now.

    Attributes:
        typed: what was given; None before anything was.
        problems: key of a field to what is wrong with it.
        trouble: what is wrong with no field; empty for nothing.
        nonce: of this form, for the document's id.
        form_token: of the session; empty without one.
        may_write: whether this browser may send it.
        can_begin: whether there is a token that it could begin a session with.
        models: known models, as suggestions.
        policies: named policies of the main file.
        shown: the document that was asked to be shown.
    """

    typed: Typed | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    nonce: str = ""
    form_token: str = ""
    may_write: bool = False
    can_begin: bool = False
    models: Sequence[str] = ()
    policies: Sequence[str] = ()
    shown: Mapping[str, Any] | None = None


def page(form: Form) -> str:
    """A whole HTML document."""
    groups = [_group(group, form) for group in GROUPS]
    parts: list[ET.Element] = [
        element("h1", "Convert now"),
        element(
            "p",
            "Asks for a build of one model: with another policy, to another place, sooner, or"
            " although nothing changed. New and changed models are found without it. A model that"
            " is not there yet can be ",
            element("a", "uploaded", href="/uploads"),
            ".",
        ),
    ]
    if not form.may_write:
        parts.append(reading_only(ADDRESS, can_begin=form.can_begin))
    if form.problems or form.trouble:
        parts.append(_summary(form))
    if form.shown is not None:
        parts.append(sent(form.shown, heading="The trigger document", is_first=True))
    parts.append(
        element(
            "form",
            *hidden({NONCE: form.nonce, "form_token": form.form_token}),
            *[made for group, made in zip(GROUPS, groups, strict=True) if group.is_open],
            element("h2", "More"),
            *[made for group, made in zip(GROUPS, groups, strict=True) if not group.is_open],
            _suggestions(form.models),
            _buttons(form),
            action=ADDRESS,
            method="post",
            class_="asking",
        )
    )
    title = "Error: Convert now" if form.problems or form.trouble else "Convert now"
    return document(title, *parts, here=ADDRESS)


def sent(asked: Mapping[str, Any], *, heading: str, is_first: bool = False) -> ET.Element:
    """A trigger document for use elsewhere: as JSON, and as a command.

    Args:
        asked: the document; its id is not shown, so that it asks anew each time.
        heading: what it is.
        is_first: whether it is what the page is about.
    """
    plain = {key: value for key, value in asked.items() if key != "id"}
    parts = [
        element("h2", heading, id="document"),
        element("p", "Through any other door it asks for the same.", class_="soft"),
        _code("Document", json.dumps(plain, indent=2)),
    ]
    if line := command(asked):
        parts.append(_code("Command", line))
    return element("section", *parts, **({"class_": "shown"} if is_first else {}))


def reading_only(come_back: str, *, can_begin: bool) -> ET.Element:
    """Says that this browser may look and not ask, and what to do about it."""
    said: tuple[ET.Element | str, ...]
    if can_begin:
        said = (
            element("a", "Begin a session", href=f"{SESSION_ADDRESS}?next={come_back}"),
            " with a token that has the scope write. ",
        )
    else:
        said = ("No token with the scope write is configured: add a [[http.token]]. ",)
    return element(
        "p",
        element("strong", "Reading only. "),
        *said,
        "On the machine itself the tflited command needs none.",
        class_="notice",
    )


def hidden(values: Mapping[str, str]) -> list[ET.Element]:
    """Fields that nobody sees; those without a value are left out."""
    return [
        element("input", type="hidden", name=name, value=value)
        for name, value in values.items()
        if value
    ]


def problem(key_id: str, text: str) -> ET.Element:
    """What is wrong with a field, beside it."""
    return element(
        "p", element("strong", "Refused: "), text, id=f"{key_id}-problem", class_="wrong"
    )


def _summary(form: Form) -> ET.Element:
    """Every problem at once, each with a way to its field."""
    told = [element("p", form.trouble)] if form.trouble else []
    links = [
        element("li", element("a", FIELDS[key].label, href=f"#{FIELDS[key].id}"), f": {text}")
        for key, text in form.problems.items()
    ]
    listed = [element("ul", *links)] if links else []
    return element(
        "div",
        element("h2", "Not sent", id="wrong"),
        *told,
        *listed,
        class_="notice wrong",
        role="alert",
        tabindex="-1",
        aria_labelledby="wrong",
    )


def _group(group: Group, form: Form) -> ET.Element:
    fields = element("div", *(_field(each, form) for each in group.fields), class_="fields")
    if group.is_open:
        return element("fieldset", element("legend", group.title), fields)
    usual = [text for each in group.fields for text in (each.value, "")]
    is_used = any(text not in usual for each in group.fields for text in _given(each, form))
    is_wrong = any(each.key in form.problems for each in group.fields)
    opened = {"open": ""} if is_used or is_wrong else {}
    return element("details", element("summary", group.title), fields, **opened)


def _field(each: Field, form: Form) -> ET.Element:
    wrong = form.problems.get(each.key, "")
    about = [problem(each.id, wrong)] if wrong else []
    told = element("p", each.help, id=f"{each.id}-help", class_="soft")
    if each.look is Look.SEVERAL:
        return _several(each, form, told, about)
    described = f"{each.id}-help" + (f" {each.id}-problem" if wrong else "")
    state = {"aria_describedby": described, **({"aria_invalid": "true"} if wrong else {})}
    control = _control(each, form, state)
    label = element("label", each.label, for_=each.id)
    if each.look is Look.SWITCH:
        return element("div", element("div", control, label), told, *about, class_="field switch")
    return element("div", label, told, *about, control, class_="field")


def _control(each: Field, form: Form, state: Mapping[str, str]) -> ET.Element:
    (value, *_) = _given(each, form)
    named = {"id": each.id, "name": each.key, **state}
    match each.look:
        case Look.CHOICE:
            return element("select", *_options(_choices(each, form), value), **named)
        case Look.AREA:
            area = element("textarea", rows="2", spellcheck="false", **named)
            # Not as a child text, which takes line ends away; the tree escapes it all the same.
            area.text = value
            return area
        case Look.SWITCH:
            ticked = {"checked": ""} if value == "true" else {}
            return element("input", type="checkbox", value="true", **named, **ticked)
        case _:
            suggestions = {"list": each.known} if each.known else {}
            plain = {"type": "text", "autocomplete": "off", "spellcheck": "false"}
            return element("input", **plain, **named, **suggestions, value=value)


def _several(each: Field, form: Form, told: ET.Element, about: Iterable[ET.Element]) -> ET.Element:
    chosen = _given(each, form)
    boxes = []
    for number, (value, words) in enumerate(each.choices):
        name, _, rest = words.partition(": ")
        ticked = {"checked": ""} if value in chosen else {}
        # The first box has the field's own id: that is where a link to the field leads.
        own = each.id if number == 0 else f"{each.id}-{number}"
        box = element("input", type="checkbox", id=own, name=each.key, value=value, **ticked)
        label = element("label", element("span", name), *([f" {rest}"] if rest else []), for_=own)
        boxes.append(element("div", box, label))
    return element(
        "fieldset",
        element("legend", each.label),
        told,
        *about,
        element("div", *boxes, class_="boxes"),
        class_="field wide",
        aria_describedby=f"{each.id}-help",
    )


def _choices(each: Field, form: Form) -> Sequence[tuple[str, str]]:
    if each.key != "policy.name":
        return each.choices
    typed = (form.typed or {}).get(each.key, ())
    unknown = [name for name in typed if name and name not in form.policies]
    return (*each.choices, *((name, name) for name in (*form.policies, *unknown)))


def _options(choices: Sequence[tuple[str, str]], chosen: str) -> list[ET.Element]:
    return [
        element("option", words, value=value, **({"selected": ""} if value == chosen else {}))
        for value, words in choices
    ]


def _given(each: Field, form: Form) -> list[str]:
    """What stands in a field; what it begins with before anything was typed."""
    if form.typed is None:
        return [each.value]
    return list(form.typed.get(each.key, ())) or [""]


def _suggestions(models: Sequence[str]) -> ET.Element:
    options = [element("option", value=name) for name in models if name.isprintable()]
    return element("datalist", *options, id=KNOWN_MODELS)


def _buttons(form: Form) -> ET.Element:
    show = element(
        "button", "Show the document", type="submit", formaction=DOCUMENT_ADDRESS, class_="plain"
    )
    send = [element("button", "Convert", type="submit", id="convert")] if form.may_write else []
    return element("p", *send, " ", show, class_="buttons")


def _code(name: str, text: str) -> ET.Element:
    """Text to be copied, with its line ends; what a terminal would obey is no part of it."""
    made = element("pre", tabindex="0", aria_label=name)
    made.text = text
    return made
