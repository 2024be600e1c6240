"""How TensorFlow is prepared for a model."""

import os
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
