"""Makes the large model of the benchmarks: MobileNetV2 without trained weights, but not degenerate.

    python benchmarks/models.py FOLDER

Random weights alone make every activation vanish; batch statistics taken from noise keep the signal
alive, so that quantised variants can be told from each other.
"""

import sys
from pathlib import Path
from typing import Final

import keras
import numpy as np

SEED: Final = 1
SIDE: Final = 224
CALIBRATION_SAMPLES: Final = 50
STATISTICS_SAMPLES: Final = 8


def make(folder: Path) -> None:
    """Writes ``mobilenet`` (SavedModel), ``mobilenet.keras`` and ``calibration.npz``.

    Args:
        folder: an existing directory.
    """
    keras.utils.set_random_seed(SEED)
    model = keras.applications.MobileNetV2(weights=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    noise = np.random.default_rng(SEED).standard_normal
    model(noise((STATISTICS_SAMPLES, SIDE, SIDE, 3)).astype(np.float32), training=True)
    model.save(folder / "mobilenet.keras")
    model.export(folder / "mobilenet", verbose=False)
    samples = noise((CALIBRATION_SAMPLES, SIDE, SIDE, 3)).astype(np.float32)
    np.savez(folder / "calibration.npz", x=samples)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
