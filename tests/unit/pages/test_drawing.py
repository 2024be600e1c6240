"""Where bars, points and their names stand."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.domain.report import VariantState
from tflited.pages.chart import Bar, Caption, Guide, bars
from tflited.pages.elements import rendered
from tflited.pages.figure import left_out, listed
from tflited.pages.scatter import Axes, Point, scatter, ticks
from tflited.pages.wording import percent, shortened, size

CAPTION = Caption(id="x", title="t", description="d")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (0.0, 0.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (-3.0, 130.0, (-50.0, 0.0, 50.0, 100.0, 150.0)),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: tuple[float, ...]) -> None:
    """Steps of 1, 2 or 5, around everything there is."""
    assert ticks(low, high) == pytest.approx(expected)


@given(low=st.floats(-1e9, 0), span=st.floats(0, 1e9))
def test_ticks_hold_every_range(low: float, span: float) -> None:
    """There are few of them, and the range lies between."""
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 12
    slack = 1e-9 * (found[-1] - found[0])
    assert found[0] <= low + slack
    assert found[-1] >= low + span - slack


def test_names_of_points_do_not_touch() -> None:
    """Variants of nearly the same size and closeness are common."""
    points = [
        Point(label=f"v{n}", x=0.4, y=40 - n / 10, state=VariantState.PROVEN) for n in range(30)
    ]
    drawing = scatter(CAPTION, Axes(x="x", y="y"), points)
    places = [
        float(entry.attrib["y"])
        for entry in drawing.iter("text")
        if (entry.text or "").startswith("v")
    ]
    gaps = [after - before for before, after in itertools.pairwise(sorted(places))]
    assert min(gaps) > 15
    (svg,) = drawing.iter("svg")
    assert max(places) < float(svg.attrib["viewBox"].split()[-1])


def test_a_bar_without_a_value_leaves_its_words() -> None:
    """And one below zero has no length."""
    entries = [
        Bar(label="a", length=None, words="exact"),
        Bar(label="b", length=-3.0, words="-3 dB"),
        Bar(label="c", length=2.0, words="2 dB"),
    ]
    text = rendered(bars(CAPTION, (("", entries),)))
    assert text.count("<rect") == 1
    assert "exact" in text


def test_names_of_guides_do_not_touch() -> None:
    """Two values close together get a row each."""
    guides = (Guide(value=0.29, name="rounding 0.289"), Guide(value=0.3, name="suspicious 0.7"))
    drawing = bars(CAPTION, (("", [Bar(label="a", length=9.0, words="9")]),), guides)
    rows = {entry.attrib["y"] for entry in drawing.iter("text") if entry.get("class") == "named"}
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "\u2013"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")],
)
def test_sizes(count: int | None, text: str) -> None:
    """Units are binary."""
    assert size(count) == text


def test_words_under_a_picture() -> None:
    """Facts as one sentence; what is not drawn is told, and only that."""
    assert listed(["a 1", "b 2"]) == "a 1; b 2."
    assert left_out(2, 5) == " The 2 worst of 5 are drawn."
    assert not left_out(5, 5)


def test_figures_in_words() -> None:
    """A missing figure is a dash; long names lose their middle."""
    assert (percent(None), percent(0.255)) == ("\u2013", "25.5 %")
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abcde", 5) == "abcde"
