"""Trains a network with three named inputs on scikit-learn's breast cancer data and writes it.

    python examples/train_tumours.py OUTPUT_DIR

Writes ``tumours.keras``, ``calibration.npz`` (120 unlabelled samples, arrays by input name) and
``evaluation.npz`` (149 others, with labels ``y``), and prints the accuracy. The data are the
Wisconsin diagnostic measurements of 569 cell nuclei: for each of ten features its mean, its
standard error and its worst value, which are the three inputs.
"""

import argparse
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

INPUTS: Final = ("mean", "error", "worst")
FEATURES: Final = 10
CALIBRATION_SAMPLES: Final = 120
EVALUATION_SAMPLES: Final = 149
EPOCHS: Final = 25
SEED: Final = 7


def main() -> None:
    """Reads the command line, trains and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="directory to write to; is made")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    accuracy = train(arguments.output)
    print(f"accuracy on {EVALUATION_SAMPLES} held-out tumours: {accuracy:.1%}")


def train(output: Path) -> float:
    """Trains, writes model and data, and gives the accuracy on the evaluation samples.

    Args:
        output: an existing directory.
    """
    keras.utils.set_random_seed(SEED)
    table, labels = load_breast_cancer(return_X_y=True)
    x, rest, y, rest_labels = train_test_split(
        table.astype(np.float32),
        labels,
        test_size=CALIBRATION_SAMPLES + EVALUATION_SAMPLES,
        random_state=SEED,
    )
    model = build(x)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(by_input(x), y, epochs=EPOCHS, batch_size=16, verbose=0)
    held_out = by_input(rest[CALIBRATION_SAMPLES:])
    held_out_labels = rest_labels[CALIBRATION_SAMPLES:]
    np.savez(output / "calibration.npz", **by_input(rest[:CALIBRATION_SAMPLES]))
    np.savez(output / "evaluation.npz", **held_out, y=held_out_labels)
    model.save(output / "tumours.keras")
    return float(model.evaluate(held_out, held_out_labels, verbose=0)[1])


def by_input(rows: Any) -> dict[str, Any]:
    """The columns of the table by input: ten means, ten errors, ten worst values."""
    parts = np.split(rows, len(INPUTS), axis=1)
    return dict(zip(INPUTS, parts, strict=True))


def build(rows: Any) -> Any:
    """The network; its first layers normalise with the training data's own scale."""
    inputs = {name: keras.Input((FEATURES,), name=name) for name in INPUTS}
    scaled = []
    for name, part in by_input(rows).items():
        normalise = keras.layers.Normalization(name=f"{name}_scale")
        normalise.adapt(part)
        scaled.append(normalise(inputs[name]))
    hidden = keras.layers.Dense(64, activation="relu")(keras.layers.Concatenate()(scaled))
    hidden = keras.layers.Dense(32, activation="relu")(hidden)
    benign = keras.layers.Dense(1, activation="sigmoid", name="benign")(hidden)
    return keras.Model(inputs, benign, name="tumours")


if __name__ == "__main__":
    main()
