"""Stands in for tfmot's pruning wrapper, so that its files load without tfmot, and takes it off.

tensorflow-model-optimization 0.8 asks for numpy 1, which no present tensorflow has. The wrapper
adds masks that training needed; the pruned weights themselves hold the zeros. Names and order of
the weights follow ``sparsity/keras/pruning_wrapper.py`` and ``prune_registry.py`` there.
"""

from collections.abc import Mapping
from typing import Any, Final

import tf_keras

_PRUNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Conv1D": ("kernel",),
    "Conv2D": ("kernel",),
    "Conv2DTranspose": ("kernel",),
    "Conv3D": ("kernel",),
    "Conv3DTranspose": ("kernel",),
    "Dense": ("kernel",),
    "Embedding": ("embeddings",),
    "LocallyConnected1D": ("kernel",),
    "LocallyConnected2D": ("kernel",),
    "SeparableConv1D": ("pointwise_kernel",),
    "SeparableConv2D": ("pointwise_kernel",),
    "MultiHeadAttention": tuple(
        f"_{part}_dense.kernel" for part in ("query", "key", "value", "output")
    ),
}
"""Class of a layer to its weights that have a mask; others have none, but for recurrent ones."""
_CELL: Final = ("kernel", "recurrent_kernel")


class PruneLowMagnitude(tf_keras.layers.Wrapper):  # type: ignore[misc]  # tf_keras is untyped
    """Has the weights of tfmot's wrapper and computes what the wrapped layer computes."""

    def build(self, input_shape: Any) -> None:
        """Makes the weights in the order of the file."""
        super().build(input_shape)
        self.prunable_weights = _masked(self.layer)  # counts as the wrapper's own in archives
        for weight in self.prunable_weights:
            self.add_weight("mask", shape=weight.shape, dtype=weight.dtype, trainable=False)
            self.add_weight("threshold", shape=[], dtype=weight.dtype, trainable=False)
        self.add_weight("pruning_step", shape=[], dtype="int64", trainable=False)

    @property
    def trainable_weights(self) -> Any:
        """Those of the layer."""
        return self.layer.trainable_weights

    @property
    def non_trainable_weights(self) -> Any:
        """Those of the layer, then the wrapper's own."""
        return self.layer.non_trainable_weights + self._non_trainable_weights

    def call(self, inputs: Any) -> Any:
        """What the layer computes."""
        return self.layer(inputs)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Makes the wrapper; what concerned the training is left out."""
        layer = tf_keras.layers.deserialize(config["layer"])
        return cls(layer, name=config.get("name"))


CLASSES: Final[Mapping[str, Any]] = {"PruneLowMagnitude": PruneLowMagnitude}
"""What the files ask for, by name."""


def stripped(model: Any) -> Any:
    """The model with its wrapped layers in the wrappers' places; the weights are shared.

    Args:
        model: a functional or sequential model of ``tf_keras``.
    """
    return tf_keras.models.clone_model(model, clone_function=_unwrapped)


def has_wrappers(model: Any) -> bool:
    """Whether a loaded model holds pruning wrappers, at any depth."""
    return any(
        isinstance(layer, PruneLowMagnitude)
        or (isinstance(layer, tf_keras.Model) and has_wrappers(layer))
        for layer in getattr(model, "layers", ())
    )


def _unwrapped(layer: Any) -> Any:
    if isinstance(layer, tf_keras.Model):
        return stripped(layer)
    return layer.layer if isinstance(layer, PruneLowMagnitude) else layer


def _masked(layer: Any) -> list[Any]:
    cell = getattr(layer, "cell", None)
    if cell is not None:
        return [getattr(part, name) for part in getattr(cell, "cells", [cell]) for name in _CELL]
    names = _PRUNED.get(type(layer).__name__, ())
    return [_member(layer, name) for name in names]


def _member(layer: Any, name: str) -> Any:
    for part in name.split("."):
        layer = getattr(layer, part)
    return layer
