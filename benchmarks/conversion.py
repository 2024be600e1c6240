"""Conversion as the daemon does it against TensorFlow's own converter, both warm.

    python benchmarks/conversion.py FOLDER SMALL PAIRS

Ours runs in children of a warm zygote, the peer in this process, which is warm too: a program of
its own, so that TensorFlow's threads and memory burden no other measurement. FOLDER holds what
``models.py`` makes, SMALL is a SavedModel of a small network.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from stopwatch import BenchmarkError, comparison, seconds, wait_until
from tflited.domain.attempt import AttemptLimits, AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Calibration, Evaluation, Policy, ProfileRules, Variant
from tflited.domain.report import Stage
from tflited.toolchain import processors
from tflited.workers.local import LocalExecutor

FIVE: Final = (
    Variant.FLOAT32,
    Variant.DYNAMIC_RANGE,
    Variant.FLOAT16,
    Variant.INT8,
    Variant.INT16X8,
)
CONVERTING: Final = (Stage.LOAD, Stage.LOWER, Stage.QUANTISE)
"""What the peer's one call does too; reference, proof and C sources are ours alone."""
WARM_SECONDS: Final = 180.0
STOP_SECONDS: Final = 10.0
INT16X8_SET: Final = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


Ours = Callable[[Path, ModelKind, tuple[Path, ...]], tuple[float, float]]


def measure(folder: Path, small: Path, pairs: int) -> dict[str, Any]:
    """Every comparison, one after the other.

    Args:
        folder: holds ``mobilenet``, ``mobilenet.keras`` and ``calibration.npz``.
        small: a SavedModel of a small network.
        pairs: how often, after one pair that is not counted.
    """
    executor = LocalExecutor()
    executor.start()
    try:
        wait_until(lambda: executor.is_ready, WARM_SECONDS, "warm zygote")
        return _measured(partial(_ours, executor), folder, small, pairs)
    finally:
        executor.stop(STOP_SECONDS)


def _measured(ours: Ours, folder: Path, small: Path, pairs: int) -> dict[str, Any]:
    model, file, data = (
        folder / name for name in ("mobilenet", "mobilenet.keras", "calibration.npz")
    )
    saved, few = ModelKind.SAVED_MODEL, max(pairs // 3, 1)
    return {
        "peer": "tf.lite.TFLiteConverter's public calls, warm; from Keras with the load",
        "converting": "load, lower and quantise, as the peer's call does; build: the whole"
        " attempt in its child, with reference, proof and C sources",
        "small_saved_model": _compare(lambda: ours(small, saved, ()), lambda: _stock(small), pairs),
        "mobilenet_saved_model": _compare(
            lambda: ours(model, saved, ()), lambda: _stock(model), pairs
        ),
        "mobilenet_keras": _compare(
            lambda: ours(file, ModelKind.KERAS, ()), lambda: _stock_keras(file), pairs
        ),
        "mobilenet_five_variants": _compare(
            lambda: ours(model, saved, (data,)), lambda: _stock_five(model, data), few
        ),
    }


def _compare(
    ours: Callable[[], tuple[float, float]], peer: Callable[[], None], pairs: int
) -> dict[str, Any]:
    """Alternates a build and its peer."""
    parts, builds, peers = list[float](), list[float](), list[float]()
    for _ in range(pairs + 1):
        part, build = ours()
        parts.append(part)
        builds.append(build)
        peers.append(seconds(peer))
    return {
        "converting": comparison(parts[1:], peers[1:]),
        "build": comparison(builds[1:], peers[1:]),
    }


def _ours(
    executor: LocalExecutor, model: Path, kind: ModelKind, data: tuple[Path, ...]
) -> tuple[float, float]:
    """Seconds of what the peer does too, and of the whole attempt; nothing may be rejected."""
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as scratch:
        request = AttemptRequest(
            attempt="1.1",
            kind=kind,
            model=str(model),
            stem=model.stem,
            scratch=scratch,
            policy=Policy(
                variants=FIVE if data else (Variant.FLOAT32,),
                calibration=Calibration(data=str(data[0]), samples=50) if data else None,
                # Weights that nobody trained are hard on integers; every variant is published.
                evaluation=Evaluation(min_snr_db=-100),
                # Nobody else times what it made.
                profile=ProfileRules(enabled=False),
            ),
            calibration=tuple(map(str, data)),
            threads=processors(),
        )
        limits, started = AttemptLimits(wall_seconds=WARM_SECONDS), time.monotonic()
        outcome = executor.run_attempt(request, limits, lambda _stage, _detail: None, Event())
        whole = time.monotonic() - started
    report = outcome.report
    if report is None or len(report.published) != len(request.policy.variants):
        raise BenchmarkError(f"Not every variant was published: {outcome}.")
    return sum(report.stage_seconds.get(stage.value, 0.0) for stage in CONVERTING), whole


def _stock(model: Path) -> None:
    tf.lite.TFLiteConverter.from_saved_model(str(model)).convert()


def _stock_keras(file: Path) -> None:
    tf.lite.TFLiteConverter.from_keras_model(keras.saving.load_model(file)).convert()


def _stock_five(model: Path, data: Path) -> None:
    samples = np.load(data)["x"]

    def representative() -> Iterator[list[Any]]:
        return ([sample[None]] for sample in samples)

    for variant in FIVE:
        made = tf.lite.TFLiteConverter.from_saved_model(str(model))
        if variant is not Variant.FLOAT32:
            made.optimizations = [tf.lite.Optimize.DEFAULT]
        if variant is Variant.FLOAT16:
            made.target_spec.supported_types = [tf.float16]
        if variant in {Variant.INT8, Variant.INT16X8}:
            made.representative_dataset = representative
        if variant is Variant.INT16X8:
            made.target_spec.supported_ops = [INT16X8_SET]
        made.convert()


if __name__ == "__main__":
    answer = measure(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(answer) + "\n")
