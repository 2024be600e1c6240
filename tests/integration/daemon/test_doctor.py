"""The doctor on this machine, with the real libraries."""

from pathlib import Path

import pytest

from tflited.cli import main


def test_this_machine_is_well_but_for_a_missing_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tensorflow really loads in a process of its own; what is to be mended is told with its path.

    Loading takes seconds, so that both are asked for at once.
    """
    code = main(["doctor", "--directory", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    wrong = [line for line in lines if line.startswith("[-] ") and "inotify" not in line]
    assert "[+] tensorflow: loads" in lines
    assert wrong == [
        f"[-] root models: {tmp_path / 'models'}; create it, or let the service's user read it"
    ]
    assert code == 1
