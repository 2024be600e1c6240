"""``tflited serve``: what keeps it from starting."""

from pathlib import Path

import pytest

from tflited.cli import main


def test_a_wrong_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It cannot start: exit code 3, so that the unit is not started again."""
    path = tmp_path / "tflited.toml"
    path.write_text("[daemn]\n")
    assert main(["serve", "--config", str(path)]) == 3
    assert "daemn" in capsys.readouterr().err


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named."""
    assert main(["serve", "--config", str(tmp_path / "none.toml")]) == 3
    assert "none.toml" in capsys.readouterr().err
