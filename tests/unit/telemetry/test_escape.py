"""What is left of a text that would command a terminal."""

from tflited.telemetry.escape import escaped


def test_what_commands_a_terminal_becomes_visible() -> None:
    """Control characters, reordering marks and stray bytes are written out; words stay."""
    text = "é\n\x1b[2J\u202e\udce9"
    assert escaped(text) == r"é\n\x1b[2J\u202e\udce9"


def test_what_is_kept_stays() -> None:
    """A traceback has lines of its own."""
    assert escaped("a\nb\x07", keep="\n") == "a\nb\\x07"
