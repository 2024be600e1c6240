"""What is printed: tables, JSON and text that nobody can trust."""

import json

import pytest

from tflited.cli import show


def test_control_characters_are_shown() -> None:
    """A model's name cannot move the cursor or start a line."""
    assert show.printable("a\x1b[31m\nb") == "a\\x1b[31m\\nb"


def test_nothing_is_empty() -> None:
    """None is no word."""
    assert not show.printable(None)


def test_markup_stays_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets in a name are not read as style."""
    show.table("", ("name",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in capsys.readouterr().out


def test_json_is_sorted(capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs over the same answer print the same text."""
    show.as_json({"b": 1, "a": 2})
    out = capsys.readouterr().out
    assert list(json.loads(out)) == ["a", "b"]
