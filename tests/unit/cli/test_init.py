"""``tflited init``: what it writes is a configuration, and nothing is overwritten."""

from pathlib import Path

import pytest

from tflited.cli import main


def test_the_written_main_file_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The configuration's own check accepts it."""
    folder = tmp_path / "new"
    assert main(["init", str(folder)]) == 0
    (folder / "models").mkdir()
    assert main(["config", "check", "--config", str(folder / "tflited.toml")]) == 0
    assert f"wrote {folder / 'tflited.toml'}" in capsys.readouterr().out


def test_a_folder_policy(tmp_path: Path) -> None:
    """With ``--policy`` it is the other file."""
    assert main(["init", str(tmp_path), "--policy"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [".tflited.toml"]


def test_an_existing_file_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused as a wrong use."""
    path = tmp_path / "tflited.toml"
    path.write_text("# mine\n")
    assert main(["init", str(tmp_path)]) == 2
    assert path.read_text() == "# mine\n"
    assert "exists already" in capsys.readouterr().err
