"""The tree that pages are built of."""

import pytest

from tflited.pages.elements import clean, element, rendered, table


def test_texts_and_elements_keep_their_order() -> None:
    """Text before, between and after elements, each escaped."""
    made = element("p", "a<", element("b", "b&"), "c", "d", class_="x", data_y=1)
    assert rendered(made) == '<p class="x" data-y="1.0">a&lt;<b>b&amp;</b>cd</p>'


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\nb\tc", "a b c"), ("a\x00\x1b", "a\ufffd\ufffd"), ("\u202e\ud800ü", "\ufffd\ufffdü")],
)
def test_only_what_can_be_seen_is_kept(text: str, kept: str) -> None:
    """Line ends become spaces; what a browser obeys or refuses becomes a mark."""
    assert clean(text) == kept


def test_a_table_has_its_headers() -> None:
    """The first cell of a row names the row; a figure keeps its unit beside it."""
    text = rendered(table("of what", ("a", "b", "c"), [("1", element("i", "2"), "3 dB")]))
    assert '<th scope="row">1</th><td><i>2</i></td><td class="short">3 dB</td>' in text
    assert "<caption>of what</caption>" in text
