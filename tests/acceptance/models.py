"""Writes the models that the tests of a build host drop: ``python models.py DIRECTORY``.

A program of its own, so that TensorFlow ends with it.
"""

import sys
from pathlib import Path

import keras

HOG_LENGTH = 600_000
"""Copies of a row of 1024 floats: 2.4 GB while the model is run, in a file of 20 kB."""


def main() -> None:
    """Writes every model."""
    folder = Path(sys.argv[1])
    # Whose build can be met in its middle.
    mobilenet = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)
    mobilenet.save(folder / "mobilenet.keras")
    # Small to read and to admit, and much to run.
    row = keras.Input((1024,))
    rows = keras.layers.RepeatVector(HOG_LENGTH)(row)
    keras.Model(row, keras.layers.GlobalAveragePooling1D()(rows)).save(folder / "hog.keras")


if __name__ == "__main__":
    main()
