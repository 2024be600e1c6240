"""The frame of served pages."""

import pytest

from tflited.pages.elements import element
from tflited.pages.layout import NAVIGATION, document
from tflited.pages.refusal_page import page as refusal
from tflited.pages.site_style import SITE_CSS
from tflited.pages.style import CSS


@pytest.mark.parametrize("here", [address for address, _ in NAVIGATION])
def test_the_way_around_marks_where_one_is(here: str) -> None:
    """Every page is linked from every other, and the present one says so."""
    text = document("x", element("h1", "x"), here=here)
    assert all(f'href="{address}"' in text for address, _ in NAVIGATION)
    assert text.count("aria-current") == 1


def test_only_a_live_page_is_kept_up() -> None:
    """The script looks for the mark; others stay as they were asked for."""
    assert "data-live" in document("x", is_live=True)
    assert "data-live" not in document("x")


def test_a_title_stays_text() -> None:
    """A name in the window's title is no markup."""
    assert "<b>" not in document("<b>x</b>")


def test_a_refusal_says_what_to_do() -> None:
    """What failed and the next step, neither as markup."""
    text = refusal(404, "job <7>: there is none", "look at the list")
    assert "job &lt;7&gt;: there is none" in text
    assert "look at the list" in text
    assert "Next" not in refusal(404, "x")


def test_pages_share_the_look_of_reports() -> None:
    """One style sheet, with more in it for what is served."""
    assert SITE_CSS.startswith(CSS)
    assert SITE_CSS.count("{") == SITE_CSS.count("}")
