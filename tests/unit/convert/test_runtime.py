"""How TensorFlow is prepared for a model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tflited.convert.runtime import CONTRACTION_KERNEL, SMALL_MODEL_BYTES, set_up


@pytest.mark.parametrize(
    ("size", "expected"), [(SMALL_MODEL_BYTES, "false"), (SMALL_MODEL_BYTES + 1, "true")]
)
@pytest.mark.parametrize("name", ["model.keras", "model/variables/variables.data"])
def test_only_large_models_pay_for_machine_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int, expected: str
) -> None:
    """The size of the file, or of everything in the directory, decides on the matrix product."""
    monkeypatch.setenv(CONTRACTION_KERNEL, "as it was")
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.truncate(size)
    set_up(tmp_path / name.partition("/")[0], threads=1)
    assert os.environ[CONTRACTION_KERNEL] == expected


@pytest.mark.parametrize(("is_forbidden", "expected"), [(False, "true"), (True, "false")])
def test_no_machine_code_where_it_may_not_be_executed(
    tmp_path: Path, *, is_forbidden: bool, expected: str
) -> None:
    """Under ``MemoryDenyWriteExecute=`` a large model's matrix product is Eigen's own, too.

    The kernel's own switch stands for systemd's filter: prctl(PR_SET_MDWE), Linux 6.3.
    """
    file = tmp_path / "model.keras"
    with file.open("wb") as stream:
        stream.truncate(SMALL_MODEL_BYTES + 1)
    program = (
        "import ctypes, os, pathlib, sys\n"
        "from tflited.convert.runtime import CONTRACTION_KERNEL, set_up\n"
        f"if {is_forbidden} and ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):\n"
        "    sys.exit(77)\n"
        "set_up(pathlib.Path(sys.argv[1]), threads=1)\n"
        "print(os.environ[CONTRACTION_KERNEL])\n"
    )
    command = [sys.executable, "-c", program, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("the kernel has no PR_SET_MDWE: Linux 6.3 or later")
    assert done.stdout.strip() == expected, done.stderr
