"""The doctor on this machine, with the real libraries."""

from pathlib import Path

import pytest

from tflited.cli import main


def test_a_machine_that_builds_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tensorflow really loads in a process of its own, and nothing needs mending."""
    (tmp_path / "models").mkdir()
    code = main(["doctor", "--directory", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert "[+] tensorflow: loads" in lines
    assert [line for line in lines if line.startswith("[-] ") and "inotify" not in line] == []
    assert code == 0


def test_a_missing_root_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the path and what to do."""
    code = main(["doctor", "--directory", str(tmp_path)])
    shown = capsys.readouterr().out
    assert f"[-] root models: {tmp_path / 'models'}; create it" in shown
    assert code == 1
