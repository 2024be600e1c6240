"""The manual pages: complete, true to the command line, and without a fault for groff."""

import subprocess
import sys
from pathlib import Path

import pytest

from programs import requires_program
from tflited.cli.manual import escape, pages


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man1")
    subprocess.run([sys.executable, "-m", "tflited.cli.manual", str(folder)], check=True)
    return folder


def test_every_command_has_a_page(written: Path) -> None:
    """Those of a group as well."""
    names = {path.name for path in written.iterdir()}
    assert {"tflited.1", "tflited-serve.1", "tflited-why.1", "tflited-config-check.1"} <= names


def test_the_program_names_its_commands() -> None:
    """Its page is where a reader begins."""
    text = pages()["tflited"]
    assert ".BR tflited\\-convert (1)," in text
    assert "/etc/tflited/tflited.toml" in text


def test_options_are_told_with_their_meaning() -> None:
    """As ``--help`` tells them."""
    text = pages()["tflited-trigger"]
    assert ".B \\-\\-save\\-to <str>\nPath below the output tree." in text


@requires_program("groff", "apt-get install groff-base")
def test_groff_has_nothing_to_say(written: Path) -> None:
    """An unknown macro or a broken escape is a warning of groff."""
    found = [str(path) for path in sorted(written.iterdir())]
    command = ["groff", "-man", "-ww", "-z", "-Tutf8", *found]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr


@requires_program("groff", "apt-get install groff-base")
def test_groff_would_notice(tmp_path: Path) -> None:
    """So the silence above means something."""
    page = tmp_path / "bad.1"
    page.write_text(".TH X 1\n.SH NAME\nx \\- y\n.NOSUCHMACRO z\n")
    command = ["groff", "-man", "-ww", "-z", "-Tutf8", str(page)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [(".so /etc/passwd", r"\&.so /etc/passwd"), ("'x", r"\&'x"), ("a\\b-c", r"a\eb\-c")],
)
def test_text_is_taken_literally(text: str, expected: str) -> None:
    """What a help text holds is never a request to roff."""
    assert escape(text) == expected
