"""Makes a digits classifier that is hard for 8 bits: one layer's channels differ by 1e4.

    python tests/zoo_wide.py OUTPUT_DIR

The first convolution's channels are multiplied by 1e-2 to 1e2 and what reads them is divided by the
same, so that the model computes what it did. Half of the real images are held back.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 7
EVALUATION_SAMPLES = 800
CALIBRATION_SAMPLES = 100
EPOCHS = 40


def main() -> None:
    """Trains, rescales and writes the model and its data."""
    output = Path(sys.argv[1])
    output.mkdir(parents=True)
    keras.utils.set_random_seed(SEED)
    images, labels = load_digits(return_X_y=True)
    pixels = (images / 16.0).astype(np.float32).reshape(-1, 8, 8, 1)
    x, held_out, y, held_out_labels = train_test_split(
        pixels, labels, test_size=EVALUATION_SAMPLES, random_state=SEED
    )
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=EPOCHS, batch_size=32, verbose=0)
    widen(model.layers[0], model.layers[2])
    np.savez(output / "calibration.npz", x=x[:CALIBRATION_SAMPLES])
    np.savez(output / "evaluation.npz", x=held_out, y=held_out_labels)
    model.export(str(output / "wide"), verbose=False)


def network() -> keras.Sequential:
    """Two convolutions and a wide hidden layer, which holds nine tenths of the weights."""
    return keras.Sequential(
        [
            keras.layers.Input((8, 8, 1), name="image"),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="first"),
            keras.layers.MaxPooling2D(name="pool"),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="second"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(384, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="wide",
    )


def widen(first: keras.layers.Layer, second: keras.layers.Layer) -> None:
    """Gives the first layer's channels scales from 1e-2 to 1e2 and takes them back in the second.

    A rectifier and a maximum keep positive factors, so the function stays the same.
    """
    kernel, bias = first.get_weights()
    factors = np.logspace(-2, 2, kernel.shape[-1]).astype(np.float32)
    first.set_weights([kernel * factors, bias * factors])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / factors[:, None], bias])


if __name__ == "__main__":
    main()
