"""The list of models: found by name, root and phase, in parts."""

import xml.etree.ElementTree as ET
from typing import Final

from tflited.domain.board import ModelList, ModelQuery
from tflited.domain.status import ModelStatus, Phase
from tflited.pages import chips, links
from tflited.pages.elements import element
from tflited.pages.layout import document
from tflited.pages.listing import Row, columns, linked, listing
from tflited.pages.moments import ago
from tflited.pages.overview_page import reason

_COLUMNS: Final = columns("model", "state", "+why", "#since")


def page(query: ModelQuery, found: ModelList, roots: tuple[str, ...]) -> str:
    """A whole HTML document.

    Args:
        query: what was asked for.
        found: a part of it.
        roots: every root's name.
    """
    return document(
        "Models",
        element("h1", "Models"),
        _form(query, roots),
        _phases(query, found),
        *_rows(query, found),
        here="/models",
        is_live=True,
    )


def _form(query: ModelQuery, roots: tuple[str, ...]) -> ET.Element:
    field = element("input", id="q", name="q", type="search")
    field.set("value", query.text if query.text.isprintable() else "")
    every = element("option", "all roots", value="")
    choices = [_choice(name, is_chosen=name == query.root) for name in roots]
    hidden = [
        element("input", type="hidden", name="phase", value=phase.value) for phase in query.phases
    ]
    return element(
        "form",
        element("label", "Name holds", for_="q"),
        field,
        element("label", "in", for_="root"),
        element("select", every, *choices, id="root", name="root"),
        *hidden,
        element("button", "Find", type="submit"),
        action="/models",
        method="get",
        role="search",
        class_="asked",
    )


def _choice(name: str, *, is_chosen: bool) -> ET.Element:
    option = element("option", name, **({"selected": ""} if is_chosen else {}))
    option.set("value", name)
    return option


def _phases(query: ModelQuery, found: ModelList) -> ET.Element:
    """Every phase with its count, as links that narrow the list."""
    everything = sum(found.phases.values())
    entries = [_narrower(query, "all", everything, ())]
    for phase in Phase:
        count = found.phases.get(phase, 0)
        if count or phase in query.phases:
            entries.append(_narrower(query, chips.words(phase.value), count, (phase,)))
    if len(query.phases) > 1:
        several = " or ".join(chips.words(phase.value) for phase in query.phases)
        entries.append(_narrower(query, several, found.total, query.phases))
    return element("ul", *entries, class_="filters", aria_label="Narrow by state")


def _narrower(query: ModelQuery, name: str, count: int, phases: tuple[Phase, ...]) -> ET.Element:
    address = links.models(text=query.text, root=query.root, phases=phases)
    here = {"aria_current": "true"} if phases == query.phases else {}
    link = element("a", f"{name} ", element("b", f"{count:,}"), href=address, **here)
    return element("li", link)


def _rows(query: ModelQuery, found: ModelList) -> tuple[ET.Element, ...]:
    if not found.models:
        return (element("p", "No model is like that.", class_="empty"),)
    listed = listing("Models", _COLUMNS, [_row(each) for each in found.models])
    return listed, _parts(query, found)


def _row(model: ModelStatus) -> Row:
    return Row(
        key=links.model(model.model),
        cells=(
            linked(str(model.model), links.model(model.model)),
            chips.phase(model.phase),
            reason(model),
            ago(model.since),
        ),
    )


def _parts(query: ModelQuery, found: ModelList) -> ET.Element:
    first, last = query.offset + 1, query.offset + len(found.models)
    part = query.offset // query.limit + 1
    steps = []
    for name, number, is_there in (
        ("Earlier", part - 1, part > 1),
        ("Later", part + 1, last < found.total),
    ):
        if is_there:
            address = links.models(
                text=query.text, root=query.root, phases=query.phases, part=number
            )
            steps.append(linked(name, address))
    told = element("span", f"{first:,} to {last:,} of {found.total:,}", class_="soft")
    return element("nav", told, *steps, class_="parts", aria_label="Parts of the list")
