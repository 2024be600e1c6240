"""The program as a module: its exit code is the command's."""

import subprocess
import sys
from pathlib import Path

RUN_SECONDS = 60


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    """A wrong configuration file ends with 3 and a message, without a traceback."""
    path = tmp_path / "tflited.toml"
    path.write_text("[[root]\n")
    command = [sys.executable, "-m", "tflited", "config", "check", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 3
    assert "tflited.toml" in done.stderr
    assert "Traceback" not in done.stderr
