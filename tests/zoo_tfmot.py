"""Models made by the real tensorflow-model-optimization; run as a script by ``zoo``.

It runs from its unpacked wheel, on a numpy that it does not ask for. One of its modules imports
dm-tree, a compiled package that nothing here reaches: an empty module stands in its place.
"""

# ruff: noqa: E402 - the environment and the empty module come before the imports that read them

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.modules["tree"] = ModuleType("tree")

import numpy as np
import tensorflow_model_optimization as tfmot  # type: ignore[import-not-found]  # see above
import tf_keras
from sklearn.datasets import load_digits

SEED = 20_240_501
layers = tf_keras.layers
sparsity = tfmot.sparsity.keras


def convolutional() -> Any:
    """Every kind of layer whose wrapper is a special case."""
    image = tf_keras.Input((8, 8, 1), name="image")
    first = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    second = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(first))
    joined = layers.Add()([first, layers.ReLU()(second)])
    wide = layers.Conv2DTranspose(4, 2, strides=2)(layers.DepthwiseConv2D(3)(joined))
    rows = layers.Flatten()(layers.MaxPooling2D(2)(wide))
    hidden = layers.Activation("relu")(layers.Dense(16)(layers.Dropout(0.1)(rows)))
    return tf_keras.Model(image, layers.Dense(10, activation="softmax")(hidden))


def recurrent() -> Any:
    """A recurrent layer, whose cell has two masks, and a model inside the model."""
    inner = tf_keras.Sequential([tf_keras.Input((12,)), layers.Dense(16, activation="relu")])
    image = tf_keras.Input((8, 8, 1), name="image")
    rows = layers.LSTM(12)(layers.Reshape((8, 8))(image))
    return tf_keras.Model(image, layers.Dense(10, activation="softmax")(inner(rows)))


def trained(model: Any, images: Any, labels: Any, **options: Any) -> Any:
    """The model after two epochs."""
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=2, batch_size=32, verbose=0, **options)
    return model


def pruned(model: Any, images: Any, labels: Any) -> Any:
    """The model with half of its weights at zero and the wrappers on it."""
    schedule = sparsity.ConstantSparsity(0.5, begin_step=0, frequency=10)
    wrapped = sparsity.prune_low_magnitude(model, pruning_schedule=schedule)
    return trained(wrapped, images, labels, callbacks=[sparsity.UpdatePruningStep()])


def main() -> None:
    """Makes the models and writes down what they compute."""
    output = Path(sys.argv[1])
    output.mkdir(parents=True)
    tf_keras.utils.set_random_seed(SEED)
    data = load_digits()
    images, labels = (data.images / 16.0).astype(np.float32)[..., np.newaxis], data.target
    aware = trained(tfmot.quantization.keras.quantize_model(convolutional()), images, labels)
    aware.save(output / "aware.h5")
    aware.save(output / "aware.keras")
    aware.export(output / "aware")
    sparse = pruned(convolutional(), images, labels)
    sparse.save(output / "pruned.h5")
    sparse.save(output / "pruned.keras")
    folded = pruned(recurrent(), images, labels)
    folded.save(output / "pruned_recurrent.keras")  # as .h5 tfmot gives both masks one name
    np.savez(
        output / "outputs.npz",
        image=images[:16],
        aware=aware.predict(images[:16], verbose=0),
        pruned=sparse.predict(images[:16], verbose=0),
        pruned_recurrent=folded.predict(images[:16], verbose=0),
    )


if __name__ == "__main__":
    main()
