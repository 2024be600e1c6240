"""The manual pages: complete, true to the command line, and without a fault for groff."""

import subprocess
import sys
from pathlib import Path

import pytest

from programs import requires_program

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man1")
    program = REPOSITORY / "packaging" / "manual.py"
    subprocess.run([sys.executable, str(program), str(folder)], check=True)
    return folder


def test_every_command_has_a_page(written: Path) -> None:
    """Those of a group as well."""
    names = {path.name for path in written.iterdir()}
    assert {"tflited.1", "tflited-serve.1", "tflited-why.1", "tflited-config-check.1"} <= names


def test_the_program_names_its_commands(written: Path) -> None:
    """Its page is where a reader begins."""
    text = (written / "tflited.1").read_text()
    assert ".BR tflited\\-convert (1)," in text
    assert "/etc/tflited/tflited.toml" in text


def test_options_are_told_with_their_meaning(written: Path) -> None:
    """As ``--help`` tells them."""
    text = (written / "tflited-trigger.1").read_text()
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
