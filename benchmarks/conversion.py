"""The float32 conversion against TensorFlow's own converter, both in one warm process.

    python benchmarks/conversion.py SAVED_MODEL PAIRS

A program of its own, so that TensorFlow's threads and memory burden no other measurement.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from stopwatch import comparison, seconds
from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import Stage
from tflited.toolchain import processors


def measure(model: Path, pairs: int) -> dict[str, Any]:
    """Alternates both converters on one model.

    Args:
        model: a SavedModel.
        pairs: how often, after one pair that is not counted.

    Returns:
        The conversion stage alone, and the whole build, each against the peer.
    """
    stages, builds, peers = list[float](), list[float](), list[float]()
    for _ in range(pairs + 1):
        stage, build = _ours(model)
        stages.append(stage)
        builds.append(build)
        peers.append(seconds(lambda: _peer(model)))
    return {
        "peer": "tf.lite.TFLiteConverter.from_saved_model(DIR).convert(), same warm process",
        "stage": {
            "what": "the stage `lower` of a float32 build",
            **comparison(stages[1:], peers[1:]),
        },
        "build": {
            "what": "a whole float32 build: load, reference, lower, prove, C array",
            **comparison(builds[1:], peers[1:]),
        },
    }


def _ours(model: Path) -> tuple[float, float]:
    """Seconds of the conversion stage and of the whole build."""
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as scratch:
        request = AttemptRequest(
            attempt="1.1",
            kind=ModelKind.SAVED_MODEL,
            model=str(model),
            stem=model.name,
            scratch=scratch,
            policy=Policy(variants=(Variant.FLOAT32,)),
            threads=processors(),
        )
        started = time.monotonic()
        report = run(request, lambda _stage, _detail: None)
        return report.stage_seconds[Stage.LOWER.value], time.monotonic() - started


def _peer(model: Path) -> None:
    tf.lite.TFLiteConverter.from_saved_model(str(model)).convert()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
