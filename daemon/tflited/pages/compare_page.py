"""Two finished models beside each other, variant by variant."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Final

from tflited.domain.board import ModelView
from tflited.pages import chips, links, wording
from tflited.pages.elements import element
from tflited.pages.layout import document
from tflited.pages.listing import Column, Content, Row, linked, listing
from tflited.pages.progress import bar
from tflited.pages.summary import Summary, summaries
from tflited.pages.variants import lost

_HELP: Final = "Both as ROOT/PATH, as the list of models names them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two.

    Attributes:
        asked: the name that was asked for; empty for none.
        view: None where nothing is known of it.
    """

    asked: str
    view: ModelView | None

    @property
    def trouble(self) -> str:
        """Why it cannot be compared; empty where it can."""
        if not self.asked:
            return ""
        if self.view is None:
            return f"{self.asked}: there is no such model."
        if self.view.records is None:
            return f"{self.asked} has no published set."
        return ""


def page(one: Side, other: Side, names: tuple[str, ...]) -> str:
    """A whole HTML document.

    Args:
        one: the first.
        other: the second.
        names: of published models, to choose from.
    """
    problems = [
        element("p", side.trouble, class_="problem") for side in (one, other) if side.trouble
    ]
    return document(
        "Compare",
        element("h1", "Compare"),
        _form(one, other, names),
        *problems,
        *_table(one, other),
        here="/compare",
    )


def _form(one: Side, other: Side, names: tuple[str, ...]) -> ET.Element:
    options = [element("option") for _ in names]
    for option, name in zip(options, names, strict=True):
        option.set("value", name)
    return element(
        "form",
        *_field("a", "One model", one),
        *_field("b", "beside", other),
        element("datalist", *options, id="known"),
        element("button", "Compare", type="submit"),
        element("p", _HELP, class_="soft small whole"),
        action="/compare",
        method="get",
        class_="asked",
    )


def _field(name: str, label: str, side: Side) -> tuple[ET.Element, ET.Element]:
    field = element("input", id=name, name=name, type="text", required="", list="known")
    field.set("value", side.asked if side.asked.isprintable() else "")
    return element("label", label, for_=name), field


def _table(one: Side, other: Side) -> tuple[ET.Element, ...]:
    first, second = _lines(one), _lines(other)
    if one.view is None or other.view is None or not first or not second:
        return ()
    sizes = [line.size_bytes or 0 for line in (*first.values(), *second.values())]
    largest = max([1, *sizes])
    rows = [
        Row(
            key=name,
            cells=(
                name,
                _cell(first.get(name), largest),
                _cell(second.get(name), largest),
                _against(first.get(name), second.get(name)),
            ),
        )
        for name in dict.fromkeys([*first, *second])
    ]
    heads = (
        Column(name="variant"),
        Column(name="one", is_wide=True),
        Column(name="other", is_wide=True),
        Column(name="other against one"),
    )
    captions = [
        element("li", element("b", f"{which}: "), linked(str(view.model), links.model(view.model)))
        for which, view in (("one", one.view), ("other", other.view))
    ]
    return (
        element("ul", *captions, class_="plain"),
        listing("Both models, variant by variant", heads, rows),
    )


def _lines(side: Side) -> dict[str, Summary]:
    """Each variant's line by its name; none where there is no set."""
    if side.view is None or side.view.records is None:
        return {}
    return {line.entry.variant.value: line for line in summaries(side.view.records.report)}


def _cell(line: Summary | None, largest: int) -> Content:
    if line is None:
        return "not asked for"
    words = [
        f"{wording.size(line.size_bytes)}, {wording.percent(line.entry.size_ratio)} of float32"
    ]
    if line.is_compared:
        words.append(f"SNR {line.snr}")
    if line.entry.accuracy is not None:
        words.append(lost(line.entry.accuracy))
    drawn = bar((line.size_bytes or 0) / largest, line.entry.state.value)
    below = [element("div", text, class_="small") for text in words]
    return element("div", chips.variant(line.entry.state), drawn, *below)


def _against(one: Summary | None, other: Summary | None) -> Content:
    if one is None or other is None:
        return wording.NOTHING
    told = []
    if one.size_bytes and other.size_bytes:
        told.append(f"size {_change(one.size_bytes, other.size_bytes)}")
    if one.snr_db is not None and other.snr_db is not None:
        told.append(f"SNR {other.snr_db - one.snr_db:+.1f} dB")
    if one.entry.accuracy is not None and other.entry.accuracy is not None:
        drop = other.entry.accuracy.drop - one.entry.accuracy.drop
        told.append(f"drop {drop:+.3g}")
    return element("div", *(element("div", text) for text in told)) if told else wording.NOTHING


def _change(before: float, after: float) -> str:
    return f"{100 * (after - before) / before:+.1f} %"
