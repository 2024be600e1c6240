"""The page of a report: complete, still, and deaf to what a model calls itself."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.documents import a_document, a_layer, published
from fakes.samples import a_tensor, a_variant
from tflited.domain.policy import Variant
from tflited.domain.report import ReportDocument, VariantState
from tflited.pages.error_bars import MOST_OPERATORS, MOST_OUTPUTS
from tflited.pages.report_page import page
from tflited.pages.style import content_policy

HOSTILE = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "<svg onload=alert(1)>",
    "]]>--><!--",
    "&lt;script&gt;",
    "https://elsewhere.example/x.js",
    "a\x00b\x1b[2J\u202ec\ud800",
)
ALLOWED = frozenset(
    {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "span", "div"}
    | {"figure", "figcaption", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    | {"details", "summary", "svg", "desc", "text", "rect", "line", "path", "circle", "polygon"}
    | {"g"}
)
VOID = frozenset({"meta"})


class Reader(HTMLParser):
    """Collects what a browser would see, and insists on every element being closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element opens."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It closes the one that was opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text, the look's own left out."""
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element with a tag."""
        return [attributes for name, attributes in self.elements if name == tag]


def drawings(text: str) -> Iterator[ET.Element]:
    """Every SVG of a page, read as XML."""
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        yield ET.fromstring(drawing)  # noqa: S314  # our own text


def hostile(text: str) -> ReportDocument:
    """A document that holds a text wherever a model or a child can put one."""
    source = replace(
        a_document().source,
        loader=text,
        signature=text,
        inputs=(a_tensor(text, text),),
        notes=(text,),
        reference_inputs=text,
    )
    (fidelity,) = a_variant().fidelity
    entry = published(
        Variant.INT8,
        0.5,
        30.0,
        state=VariantState.UNVERIFIED,
        reason=text,
        hint=text,
        path=text,
        operators={text: 1},
        weights_bytes={text: 4},
        layers=(a_layer(0, output=text, operator=text, dtype=text),),
        layers_note=text,
    )
    entry = replace(entry, fidelity=(replace(fidelity, output=text),))
    return a_document(
        entry, root=text, path=text, source=source, toolchain={text: text}, policy={text: text}
    )


def assert_is_inert(text: str) -> Reader:
    """The page has our own elements only, and asks nothing of anybody."""
    reader = Reader(text)
    assert {tag for tag, _ in reader.elements} <= ALLOWED
    names = {name for _, attributes in reader.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in {"src", "href", "style"}]
    for drawing in drawings(text):
        assert drawing.tag.endswith("svg")
    return reader


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_model_says_stays_text(text: str) -> None:
    """It is seen as it is, wherever it stands, and no browser acts on it."""
    reader = assert_is_inert(page(hostile(text)))
    seen = "".join(reader.text)
    if text.isprintable():
        assert text in seen
    assert not set("\x00\x1b\u202e\ud800") & set(seen)


@given(text=st.text())
def test_any_text_leaves_a_whole_page(text: str) -> None:
    """Whatever a name holds, every element is closed and every picture is XML."""
    made = page(hostile(text))
    assert_is_inert(made)
    made.encode()


def test_the_policy_allows_its_own_style_and_nothing_else() -> None:
    """The hash is over the very text of the style element."""
    text = page(a_document())
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [
        entry["content"] or ""
        for entry in Reader(text).of("meta")
        if entry.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy == content_policy()


def test_nothing_comes_from_elsewhere() -> None:
    """The only address is the name of SVG's language, which nobody fetches."""
    text = page(a_document())
    assert set(re.findall(r"\w+://[^\"'\s<]*", text)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert "url(" not in text


def test_equal_reports_give_equal_pages() -> None:
    """Nothing of the time or the machine is in it."""
    assert page(a_document()) == page(a_document())


def test_every_table_can_be_read_aloud() -> None:
    """A caption, and the scope of every header."""
    reader = Reader(page(a_document()))
    tags = [tag for tag, _ in reader.elements]
    assert tags.count("caption") == tags.count("table") > 5
    assert {entry.get("scope") for entry in reader.of("th")} == {"row", "col"}


def test_every_picture_has_a_name_and_its_numbers() -> None:
    """Title and description are what its attributes point to; a table stands beside it."""
    text = page(a_document())
    found = list(drawings(text))
    ids = {entry["id"] for _, entry in Reader(text).elements if "id" in entry}
    space = "{http://www.w3.org/2000/svg}"
    for drawing in found:
        assert drawing.findtext(f"{space}title")
        assert drawing.findtext(f"{space}desc")
        assert set(drawing.attrib["aria-labelledby"].split()) <= ids
    assert len(found) == len(Reader(text).of("figure")) == 5
    assert text.count("The same numbers as a table") == 5


def test_a_state_is_told_by_shape_and_words() -> None:
    """Who sees no colours still sees which variant is not published."""
    text = page(a_document())
    words = " ".join(Reader(text).text)
    for state in ("float32 (proven)", "float16 (unverified)", "weight_only_int4 (rejected)"):
        assert state in words
    assert "<circle" in text
    assert "<polygon" in text
    assert 'class="mark rejected dashed"' in text


def test_a_suspicious_operator_is_named() -> None:
    """The one that loses more than rounding explains."""
    words = " ".join(Reader(page(a_document())).text)
    assert "2.5, suspicious" in words
    assert "1 CONV_2D conv_1/Relu" in words


def test_16_bits_are_not_judged() -> None:
    """Their figures in steps are large by nature, and the page says so."""
    layers = (a_layer(0, 50.0, dtype="int16"),)
    text = page(a_document(published(Variant.INT16X8, 0.3, 40.0, layers=layers)))
    assert "no operator is called suspicious" in text
    assert "50, suspicious" not in text
    assert "suspicious 0.7" not in text


def test_an_exact_variant_has_no_ratio_and_is_drawn() -> None:
    """No infinity reaches the page."""
    text = page(a_document(published(Variant.FLOAT32, 1.0, None)))
    assert "exact" in text
    assert not re.search(r"\b(inf|nan)\b", text)


@pytest.mark.parametrize(
    "changes",
    [
        {"fidelity": (), "accuracy": None, "size_ratio": None, "files": ()},
        {"fidelity": (), "accuracy": None},
        {"size_ratio": 0.0},
        {"layers_note": "Not measured: no inputs."},
    ],
)
def test_a_variant_without_figures(changes: dict[str, Any]) -> None:
    """What was never measured is left out of the pictures and stays in the tables."""
    text = page(a_document(a_variant(state=VariantState.REJECTED, **changes)))
    words = " ".join(assert_is_inert(text).text)
    assert "rejected" in words
    assert changes.get("layers_note", "") in words


def test_large_reports_are_drawn_in_part() -> None:
    """The worst are drawn, the table has all, and the page says so."""
    layers = tuple(a_layer(index, 0.1 + index / 1000) for index in range(MOST_OPERATORS + 5))
    entry = published(Variant.INT8, 0.3, 40.0, layers=layers)
    (fidelity,) = entry.fidelity
    many = tuple(replace(fidelity, output=f"y{index}") for index in range(MOST_OUTPUTS + 3))
    words = " ".join(Reader(page(a_document(replace(entry, fidelity=many)))).text)
    assert f"The {MOST_OPERATORS} worst of {MOST_OPERATORS + 5} are drawn." in words
    assert f"The {MOST_OUTPUTS} worst of {MOST_OUTPUTS + 3} are drawn." in words
    assert "y14" in words


@given(
    ratio=st.floats(0, 10),
    snr=st.floats(-1e6, 1e6),
    drop=st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_figures_can_be_drawn(ratio: float, snr: float, drop: float) -> None:
    """Axes hold whatever finite figures a child reports."""
    entry = published(Variant.INT8, 0.5, snr, layers=(a_layer(0, abs(drop)),))
    accuracy = entry.accuracy
    assert accuracy is not None
    entry = replace(entry, size_ratio=ratio, accuracy=replace(accuracy, drop=drop))
    text = page(a_document(entry))
    assert not re.search(r'"[^"]*\b(inf|nan)\b[^"]*"', text)
    assert_is_inert(text)
