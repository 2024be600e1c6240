"""Equal build key, equal bytes: in another process and place, with another clock and hash seed."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import zoo
from tflited.domain.model import ModelKind
from tflited.domain.policy import Variant
from tree_copy import copy_tree
from zoo import Trained

SCRIPT = """
import sys
import time

ahead, model, kind, data, scratch = sys.argv[1:]
now = time.time
time.time = lambda: now() + float(ahead)

from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Calibration, Evaluation, Policy, Variant

request = AttemptRequest(
    attempt="1.1", kind=ModelKind(kind), model=model, stem="m", scratch=scratch,
    policy=Policy(
        variants=tuple(Variant), calibration=Calibration(data=data, samples=20),
        evaluation=Evaluation(min_snr_db=-100),
    ),
    calibration=(data,), threads=1,
)
run(request, lambda stage, detail: None)
"""
TIMES = (("0", "Etc/UTC"), ("-400000000", "Asia/Kathmandu"))


@pytest.mark.parametrize(
    ("trained", "kind"),
    [
        (zoo.tumours, ModelKind.KERAS),
        (zoo.digits, ModelKind.SAVED_MODEL),
        (partial(zoo.digits, "h5"), ModelKind.KERAS_HDF5),
    ],
    ids=["keras", "saved_model", "h5"],
)
def test_two_processes_write_the_same_files(
    tmp_path: Path, trained: Callable[[], Trained], kind: ModelKind
) -> None:
    """Names, order and bytes of every artifact of every variant."""
    model = trained()
    runs = []
    for seed, (ahead, zone) in enumerate(TIMES, start=1):
        place = tmp_path / f"place-{seed * 'x'}"
        (place / "scratch").mkdir(parents=True)
        source = place / model.model.name
        if model.model.is_dir():
            copy_tree(model.model, source)
        else:
            shutil.copyfile(model.model, source)
        arguments = (ahead, source, kind.value, model.calibration, place / "scratch")
        subprocess.run(
            [sys.executable, "-c", SCRIPT, *map(str, arguments)],
            check=True,
            timeout=200,
            capture_output=True,
            env={**os.environ, **zoo.ENVIRONMENT, "PYTHONHASHSEED": str(seed), "TZ": zone},
        )
        runs.append(contents(place / "scratch" / "set"))
    assert len(runs[0]) == 3 * len(Variant)
    assert runs[0] == runs[1]


def contents(folder: Path) -> dict[str, str]:
    """Path to SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
