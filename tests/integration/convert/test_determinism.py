"""Equal build key, equal bytes: in another process and place, with another clock and hash seed."""

import hashlib
import json
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
import json
import sys
import time

ahead, asked = sys.argv[1:]
now = time.time
time.time = lambda: now() + float(ahead)

from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Calibration, Evaluation, Policy, Variant

for model, kind, data, scratch in json.loads(asked):
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
MODELS: dict[ModelKind, Callable[[], Trained]] = {
    ModelKind.KERAS: zoo.tumours,
    ModelKind.SAVED_MODEL: zoo.digits,
    ModelKind.KERAS_HDF5: partial(zoo.digits, "h5"),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Where each of the processes built every model, for tensorflow loads for seconds."""
    made = []
    for seed, (ahead, zone) in enumerate(TIMES, start=1):
        place = tmp_path_factory.mktemp(f"place-{seed * 'x'}")
        asked = [order(kind, trained(), place / kind) for kind, trained in MODELS.items()]
        subprocess.run(
            [sys.executable, "-c", SCRIPT, ahead, json.dumps(asked)],
            check=True,
            timeout=200,
            capture_output=True,
            env={**os.environ, **zoo.ENVIRONMENT, "PYTHONHASHSEED": str(seed), "TZ": zone},
        )
        made.append(place)
    return made


def order(kind: ModelKind, trained: Trained, place: Path) -> list[str]:
    """What the script needs to build a copy of a model in a place of its own."""
    (place / "scratch").mkdir(parents=True)
    source = place / trained.model.name
    if trained.model.is_dir():
        copy_tree(trained.model, source)
    else:
        shutil.copyfile(trained.model, source)
    return [str(source), kind.value, str(trained.calibration), str(place / "scratch")]


@pytest.mark.parametrize("kind", MODELS)
def test_two_processes_write_the_same_files(places: list[Path], kind: ModelKind) -> None:
    """Names, order and bytes of every artifact of every variant."""
    first, second = (contents(place / kind / "scratch" / "set") for place in places)
    assert len(first) == 3 * len(Variant)
    assert first == second


def contents(folder: Path) -> dict[str, str]:
    """Path to SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
