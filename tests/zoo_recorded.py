"""Records one real conversion for tests that replay it; run as a script by ``zoo``.

The folder holds ``reply.json``, the last message of the child, and ``set/``, what it left.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import tensorflow as tf

from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.workers import wire


def model(folder: Path) -> Path:
    """The smallest network there is: its files are small, so that a fault is met often."""
    module = tf.Module()
    module.weights = tf.Variable(tf.ones((2, 1)))
    row = tf.TensorSpec((1, 2), tf.float32)
    served = tf.function(lambda x: {"y": x @ module.weights}).get_concrete_function(x=row)
    place = folder / "model"
    tf.saved_model.save(module, str(place), signatures={"serving_default": served})
    return place


def record(folder: Path, scratch: Path) -> None:
    """Converts the model and keeps what a child would send and leave."""
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(model(scratch)),
        stem="model",
        scratch=str(folder),
        policy=Policy(variants=(Variant.FLOAT32, Variant.FLOAT16)),
    )
    report = run(request, lambda _stage, _detail: None)
    (folder / "reply.json").write_bytes(wire.encode_message(wire.ReportMessage(report=report)))


def main() -> None:
    """Records into the folder that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    folder.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        record(folder, Path(scratch))


if __name__ == "__main__":
    main()
