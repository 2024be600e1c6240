"""The page that people keep open."""

from fakes.control import FakeControl
from tflited.pages.overview_page import page


def test_it_shows_what_runs() -> None:
    """Model, stage and variant of every attempt."""
    text = page(FakeControl().status())
    assert "zoo/vision/net.keras" in text
    assert "lower" in text
    assert "int8" in text
