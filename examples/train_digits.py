"""Trains a small network on scikit-learn's handwritten digits and writes it with its data.

    python examples/train_digits.py OUTPUT_DIR [--format saved_model|keras|h5]

Writes ``digits`` (a SavedModel, ``digits.keras`` or ``digits.h5``), ``calibration.npz`` (200
unlabelled samples) and ``evaluation.npz`` (397 others, with labels ``y``), and prints the accuracy.
The data are 1797 images of 8 x 8 from the UCI repository, shipped inside scikit-learn.
"""

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FORMATS: Final = ("saved_model", "keras", "h5")
CALIBRATION_SAMPLES: Final = 200
EVALUATION_SAMPLES: Final = 397
EPOCHS: Final = 12
SEED: Final = 7


def main() -> None:
    """Reads the command line, trains and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="directory to write to; is made")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0])
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    accuracy = train(arguments.output, arguments.format)
    print(f"accuracy on {EVALUATION_SAMPLES} held-out digits: {accuracy:.1%}")


def train(output: Path, form: str) -> float:
    """Trains, writes model and data, and gives the accuracy on the evaluation samples.

    Args:
        output: an existing directory.
        form: one of ``FORMATS``; ``h5`` is written by Keras 2, as legacy files are.
    """
    keras = _keras(form)
    keras.utils.set_random_seed(SEED)
    images, labels = load_digits(return_X_y=True)
    pixels = (images / 16.0).astype(np.float32).reshape(-1, 8, 8, 1)
    x, rest, y, rest_labels = train_test_split(
        pixels, labels, test_size=CALIBRATION_SAMPLES + EVALUATION_SAMPLES, random_state=SEED
    )
    model = build(keras)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=EPOCHS, batch_size=32, verbose=0)
    held_out, held_out_labels = rest[CALIBRATION_SAMPLES:], rest_labels[CALIBRATION_SAMPLES:]
    np.savez(output / "calibration.npz", x=rest[:CALIBRATION_SAMPLES])
    np.savez(output / "evaluation.npz", x=held_out, y=held_out_labels)
    _write(model, output, form)
    return float(model.evaluate(held_out, held_out_labels, verbose=0)[1])


def build(keras: Any) -> Any:
    """The network: two convolutions, one hidden layer, ten classes; 11,000 weights."""
    return keras.Sequential(
        [
            keras.layers.Input((8, 8, 1), name="image"),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(48, activation="relu"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def _keras(form: str) -> Any:
    if form == "h5":
        import tf_keras

        return tf_keras
    import keras

    return keras


def _write(model: Any, output: Path, form: str) -> None:
    match form:
        case "saved_model":
            model.export(str(output / "digits"), verbose=False)
        case _:
            model.save(output / f"digits.{form}")


if __name__ == "__main__":
    main()
