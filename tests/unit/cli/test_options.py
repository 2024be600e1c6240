"""Which configuration a command works with."""

from pathlib import Path

import pytest
import structlog

from tflited.cli import main, options
from tflited.errors import UsageError


def test_a_folder_without_a_file(tmp_path: Path) -> None:
    """The embedded defaults lie below it."""
    settings = options.settings(None, tmp_path)
    assert settings.output == tmp_path / "output"
    assert settings.roots[0].path == tmp_path / "models"


def test_both_options(tmp_path: Path) -> None:
    """They exclude each other."""
    with pytest.raises(UsageError, match="exclude each other"):
        options.settings(tmp_path / "tflited.toml", tmp_path)


def test_the_systems_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read where no option is given."""
    path = tmp_path / "tflited.toml"
    path.write_text('[[root]]\nname = "from_system"\npath = "models"\n')
    monkeypatch.setattr(options, "SYSTEM_FILE", path)
    assert options.settings(None, None).roots[0].name == "from_system"


def test_an_unknown_option(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a wrong use, told without a traceback."""
    assert main(["status", "--jsn"]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "--jsn" in shown.err


def test_a_surprise(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody thought of is one line, without a traceback."""
    structlog.reset_defaults()  # another test may have configured logging in this process

    def surprise(**_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(options, "load", surprise)
    assert main(["status", "--directory", "x"]) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "tflited: Unexpected: ZeroDivisionError: by zero\n")
