"""Stands in for tfmot's wrappers of quantisation-aware training, for loading and inference only.

Weights, their order and what is rounded where follow ``quantization/keras`` of
tensorflow-model-optimization 0.8, which itself asks for numpy 1: the standard 8-bit scheme of
``quantize_model``. Recurrent layers and schemes of one's own are refused.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import tensorflow as tf
import tf_keras

_BEFORE: Final = frozenset({"softmax", "sigmoid", "tanh", "gelu"})
_AFTER: Final = frozenset({"linear", "relu", "swish", "gelu"})
"""Activations whose input, and whose output, is rounded (``quantize_aware_activation.py``)."""
_OUTPUT_ACTIVATIONS: Final = frozenset({"relu", "swish", "gelu", "relu6"})

Ranges = tuple[Any, Any]


class NoOpActivation:
    """Stands where a layer had no activation of its own and is not rounded."""

    def __call__(self, values: Any) -> Any:
        """The values."""
        return values

    def get_config(self) -> dict[str, Any]:
        """Nothing."""
        return {}


class QuantizeAwareActivation:
    """In a file the wrapped layer's activation; makes the plain one, the wrapper rounds."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The plain activation."""
        inner = config["activation"]
        if isinstance(inner, Mapping) and inner.get("class_name") == "NoOpActivation":
            return NoOpActivation()
        return tf_keras.activations.deserialize(inner, use_legacy_format=True)


class Rounding:
    """How one kind of tensor is rounded; tfmot's quantisers with their training taken out."""

    def __init__(
        self, num_bits: int, *, narrow_range: bool, per_axis: bool = False, **_: Any
    ) -> None:
        self._bits, self._is_narrow, self._is_per_axis = num_bits, narrow_range, per_axis

    def build(self, layer: Any, name: str, shape: Any = ()) -> Ranges:
        """Adds the two ends of the range to a layer's weights."""
        sizes = (shape[-1],) if self._is_per_axis and shape else ()
        low = layer.add_weight(f"{name}_min", shape=sizes, trainable=False)
        high = layer.add_weight(f"{name}_max", shape=sizes, trainable=False)
        return low, high

    def __call__(self, values: Any, ranges: Ranges) -> Any:
        """The values as the integers of this range can tell them."""
        rounded = (
            tf.quantization.fake_quant_with_min_max_vars_per_channel
            if self._is_per_axis
            else tf.quantization.fake_quant_with_min_max_vars
        )
        return rounded(values, *ranges, num_bits=self._bits, narrow_range=self._is_narrow)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The rounding that a file describes."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Nothing: such a model is not saved again."""
        return {}


class TransposedRounding(Rounding):
    """Rounds the kernel of a transposed convolution by its outputs."""

    def __call__(self, values: Any, ranges: Ranges) -> Any:
        """Rounds with the last two axes swapped."""
        return tf.transpose(
            super().__call__(tf.transpose(values, (0, 1, 3, 2)), ranges), (0, 1, 3, 2)
        )


_ACTIVATION: Final = Rounding(8, narrow_range=False)
_WEIGHT: Final = Rounding(8, narrow_range=True)


class Scheme:
    """What of a layer is rounded (``default_8bit_quantize_registry.py``)."""

    weight: Rounding = _WEIGHT

    def __init__(
        self,
        weight_attrs: Sequence[str] = (),
        activation_attrs: Sequence[str] = (),
        *,
        quantize_output: bool = False,
    ) -> None:
        self.weights, self.activations = tuple(weight_attrs), tuple(activation_attrs)
        self._rounds_output = quantize_output

    def rounds_output(self, layer: Any) -> bool:  # noqa: ARG002 - an activation's scheme asks it
        """Whether the layer's output is rounded as a whole."""
        return self._rounds_output

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The scheme that a file describes."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Nothing: such a model is not saved again."""
        return {}


class ConvScheme(Scheme):
    """Rounds each output of a convolution by a range of its own."""

    weight = Rounding(8, narrow_range=True, per_axis=True)


class ConvTransposeScheme(Scheme):
    """The same for a transposed convolution, with one range."""

    weight = TransposedRounding(8, narrow_range=True)


class ActivationScheme(Scheme):
    """A layer that is an activation: rounded where it is not fused into the layer before."""

    def rounds_output(self, layer: Any) -> bool:
        """Only these are rounded after themselves."""
        return super().rounds_output(layer) and _name(layer.activation) in _OUTPUT_ACTIVATIONS


class QuantizeLayer(tf_keras.layers.Layer):  # type: ignore[misc]  # tf_keras is untyped
    """Rounds what passes, at the model's inputs."""

    def __init__(self, quantizer: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._rounding = quantizer

    def build(self, input_shape: Any) -> None:
        """Makes the weights in the order of the file."""
        self._ranges = self._rounding.build(self, self.name) if self._rounding else None
        self.add_weight("optimizer_step", dtype="int32", trainable=False)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """The rounded inputs."""
        return self._rounding(inputs, self._ranges) if self._rounding else inputs

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Makes the layer."""
        found = config["quantizer"]
        return cls(_made(found) if found else None, name=config.get("name"))


class QuantizeWrapper(tf_keras.layers.Wrapper):  # type: ignore[misc]  # tf_keras is untyped
    """Rounds the weights, activations and output of the layer it wraps."""

    def __init__(self, layer: Any, quantize_config: Scheme, **arguments: Any) -> None:
        super().__init__(layer, **arguments)
        self._scheme = quantize_config

    def build(self, input_shape: Any) -> None:
        """Makes the weights in the order of the file."""
        super().build(input_shape)
        self.add_weight("optimizer_step", dtype="int32", trainable=False)
        self._kernels = []
        for name in self._scheme.weights:
            weight = getattr(self.layer, name)
            plain = weight.name.split(":")[0].rsplit("/", maxsplit=1)[-1]
            ranges = self._scheme.weight.build(self, plain, weight.shape)
            self._kernels.append((name, weight, ranges))
            self._trainable_weights.append(weight)
        self._functions = [
            (name, self._rounded(getattr(self.layer, name))) for name in self._scheme.activations
        ]
        rounds = self._scheme.rounds_output(self.layer)
        self._output = _ACTIVATION.build(self, "output") if rounds else None

    def call(self, inputs: Any) -> Any:
        """What the layer computes with everything rounded."""
        for name, weight, ranges in self._kernels:
            setattr(self.layer, name, self._scheme.weight(weight, ranges))
        for name, function in self._functions:
            setattr(self.layer, name, function)
        outputs = self.layer(inputs)
        return outputs if self._output is None else _ACTIVATION(outputs, self._output)

    def _rounded(self, activation: Any) -> Callable[[Any], Any]:
        name = _name(activation)
        before = _ACTIVATION.build(self, "pre_activation") if name in _BEFORE else None
        after = _ACTIVATION.build(self, "post_activation") if name in _AFTER else None

        def function(values: Any) -> Any:
            values = values if before is None else _ACTIVATION(values, before)
            values = activation(values)
            return values if after is None else _ACTIVATION(values, after)

        return function

    @property
    def trainable_weights(self) -> Any:
        """Those of the layer, then the wrapper's own."""
        return self.layer.trainable_weights + self._trainable_weights

    @property
    def non_trainable_weights(self) -> Any:
        """Those of the layer, then the wrapper's own."""
        return self.layer.non_trainable_weights + self._non_trainable_weights

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Makes the wrapper."""
        inner = config["layer"]
        layer = tf_keras.layers.deserialize(inner, use_legacy_format="module" not in inner)
        return cls(layer, _made(config["quantize_config"]), name=config.get("name"))


class QuantizeWrapperV2(QuantizeWrapper):
    """The same with the order of weights that it has since 2021."""

    def build(self, input_shape: Any) -> None:
        """Counts the layer's weights as its own first."""
        if not self.layer.built:  # archives describe the wrapper as built, not what it wraps
            self.layer.build(input_shape)
            self.layer.built = True
        self._trainable_weights.extend(self.layer.trainable_weights)
        super().build(input_shape)

    @property
    def trainable_weights(self) -> Any:
        """Each once."""
        return self._dedup_weights(self._trainable_weights + self.layer.trainable_weights)


_PARTS: Final[Mapping[str, Any]] = {
    "AllValuesQuantizer": Rounding,
    "LastValueQuantizer": Rounding,
    "MovingAverageQuantizer": Rounding,
    "Default8BitQuantizeConfig": Scheme,
    "Default8BitActivationQuantizeConfig": ActivationScheme,
    "Default8BitConvQuantizeConfig": ConvScheme,
    "Default8BitConvTransposeQuantizeConfig": ConvTransposeScheme,
    "Default8BitOutputQuantizeConfig": Scheme,
    "NoOpQuantizeConfig": Scheme,
}
CLASSES: Final[Mapping[str, Any]] = {
    "NoOpActivation": NoOpActivation,
    "QuantizeAwareActivation": QuantizeAwareActivation,
    "QuantizeLayer": QuantizeLayer,
    "QuantizeWrapper": QuantizeWrapper,
    "QuantizeWrapperV2": QuantizeWrapperV2,
}
"""What the files ask for, by name."""


def _made(config: Mapping[str, Any]) -> Any:
    name = str(config["class_name"])
    if name not in _PARTS:
        raise ValueError(f"Unknown object: {name} of tensorflow-model-optimization")
    return _PARTS[name].from_config(config["config"])


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", type(activation).__name__))
