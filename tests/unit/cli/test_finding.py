"""One line of the doctor."""

from tflited.cli.finding import Finding


def test_it_is_a_value() -> None:
    """Two that say the same are the same."""
    assert Finding("disk", True, "9 GB") == Finding("disk", is_ok=True, text="9 GB")
