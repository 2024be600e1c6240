"""Small models of every kind that arrives, for tests; run as a script by ``zoo``, never imported.

Two groups, each made in one process: ``small`` ones of every form, and ``applications`` from Keras
with random weights. Everything is seeded: the same script gives the same models.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf
import tf_keras

SEED = 20_240_501
v1 = tf.compat.v1
layers = keras.layers

CUSTOM_LAYERS = '''\
"""The layers of a model of its own."""

import keras


@keras.saving.register_keras_serializable(package="zoo")
class Scale(keras.layers.Layer):
    """Multiplies by a learnt number, registered under a package."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

    def call(self, inputs):
        return inputs * self.factor


class Shift(keras.layers.Layer):
    """Adds a number, not registered anywhere."""

    def __init__(self, by=0.0, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        return inputs + self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}


def halved(values):
    """An activation of its own."""
    return values / 2.0
'''


def weights(*shape: int) -> Any:
    """Values that behave like a trained layer's."""
    scale = float(np.sqrt(np.prod(shape[:-1])))
    return (np.random.default_rng(SEED).standard_normal(shape) / scale).astype(np.float32)


def lstm(folder: Path) -> None:
    steps = layers.Input((12, 4), name="steps")
    keras.Model(steps, layers.Dense(2)(layers.LSTM(8)(steps))).save(folder / "lstm.keras")


def bidirectional_gru(folder: Path) -> None:
    steps = layers.Input((12, 4), name="steps")
    both = layers.Bidirectional(layers.GRU(8, return_sequences=True))(steps)
    pooled = layers.GlobalAveragePooling1D()(both)
    keras.Model(steps, layers.Dense(2)(pooled)).save(folder / "bidirectional_gru.keras")


def several_inputs_and_outputs(folder: Path) -> None:
    image, row = layers.Input((8, 8, 1), name="image"), layers.Input((5,), name="row")
    seen = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(image))
    joined = layers.Concatenate()([seen, layers.Dense(6, activation="tanh")(row)])
    outputs = [layers.Dense(3, name="kind")(joined), layers.Dense(1, name="size")(joined)]
    keras.Model([image, row], outputs).save(folder / "several_inputs_and_outputs.keras")


def structured(folder: Path) -> None:
    """Dictionaries on both sides, one inside a list, and a model inside the model."""
    left, right = layers.Input((6,), name="left"), layers.Input((6,), name="right")
    inner = keras.Sequential([layers.Input((6,)), layers.Dense(4, activation="relu")])
    joined = layers.Add()([inner(left), inner(right)])
    outputs = {"sum": joined, "heads": [layers.Dense(2)(joined), layers.Dense(3)(joined)]}
    keras.Model({"b": right, "a": left}, outputs).save(folder / "structured.keras")


def dynamic_size(folder: Path) -> None:
    image = layers.Input((None, None, 3), name="image")
    seen = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    model = keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(seen))
    model.save(folder / "dynamic_size.keras")


def keras_3_h5(folder: Path) -> None:
    model = keras.Sequential([layers.Input((6,), name="row"), layers.Dense(4), layers.Dense(2)])
    model.save(folder / "keras_3.h5")


def keras_2_h5(folder: Path) -> None:
    old = tf_keras.layers
    image = tf_keras.Input((8, 8, 3), name="image")
    seen = old.DepthwiseConv2D(3, activation="relu")(image)
    rows = old.Reshape((6, 18))(seen)
    model = tf_keras.Model(image, old.Dense(2)(old.LSTM(8)(rows)))
    model.save(folder / "keras_2.h5")


def keras_2_archive(folder: Path) -> None:
    """The ``.keras`` form is older than Keras 3."""
    old = tf_keras.layers
    model = tf_keras.Sequential(
        [tf_keras.Input((8, 8, 3)), old.DepthwiseConv2D(3), old.Flatten(), old.Dense(2)]
    )
    model.save(folder / "keras_2.keras")


def several_signatures(folder: Path) -> None:
    module = tf.Module()
    module.table = tf.Variable(weights(16, 4))
    row, code = tf.TensorSpec([None, 16], tf.float32), tf.TensorSpec([None, 4], tf.float32)
    encode = tf.function(lambda x: {"code": tf.tanh(x @ module.table)})
    decode = tf.function(lambda code: {"x": tf.matmul(code, module.table, transpose_b=True)})
    signatures = {
        "encode": encode.get_concrete_function(x=row),
        "decode": decode.get_concrete_function(code=code),
    }
    tf.saved_model.save(module, str(folder / "several_signatures"), signatures=signatures)


def tf1(folder: Path) -> None:
    """As TensorFlow 1 wrote them: placeholders, reference variables, a session."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 16], name="x")
        table = v1.get_variable("table", initializer=weights(16, 4), use_resource=False)
        bias = v1.get_variable("bias", initializer=np.ones(4, np.float32))
        y = tf.nn.softmax(tf.matmul(x, table) + bias)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder / "tf1"), {"x": x}, {"y": y})


def tf1_table(folder: Path) -> None:
    """A hash table that an initialiser fills, under a tag set and a signature of its own."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.int64, [None], name="ids")
        keys, values = tf.constant([0, 1, 2], tf.int64), tf.constant(["a", "b", "c"])
        initialiser = tf.lookup.KeyValueTensorInitializer(keys, values)
        found = tf.lookup.StaticHashTable(initialiser, "none").lookup(x)
        session.run(v1.tables_initializer())
        signature = v1.saved_model.predict_signature_def({"ids": x}, {"found": found})
        builder = v1.saved_model.Builder(str(folder / "tf1_table"))
        builder.add_meta_graph_and_variables(
            session,
            ["serve", "cpu"],
            signature_def_map={"look_up": signature},
            main_op=v1.tables_initializer(),
        )
        builder.save()


def tf1_loop(folder: Path) -> None:
    """A loop of the first control flow, whose Exit is itself the output."""
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            _, y = v1.while_loop(
                lambda i, _: i < 3, lambda i, value: (i + 1, value * 1.5), (tf.constant(0), x)
            )
            v1.saved_model.simple_save(session, str(folder / "tf1_loop"), {"x": x}, {"y": y})
    finally:
        v1.enable_control_flow_v2()


def fake_quant(folder: Path) -> None:
    """Trained for 8 bits: the ranges stand in the graph, as tfmot and others leave them."""
    kernel, last = tf.Variable(weights(3, 3, 3, 8)), tf.Variable(weights(8, 4))
    low = tf.Variable(-np.abs(kernel.numpy()).max((0, 1, 2)))
    bound = float(np.abs(last.numpy()).max())
    fake = tf.quantization.fake_quant_with_min_max_args
    each = tf.quantization.fake_quant_with_min_max_vars_per_channel

    def call(image: Any) -> dict[str, Any]:
        seen = fake(image, min=-4.0, max=4.0)
        narrow = each(kernel, low, -low, narrow_range=True)
        seen = fake(tf.nn.relu(tf.nn.conv2d(seen, narrow, 1, "VALID")), min=0.0, max=6.0)
        seen = fake(tf.reduce_mean(seen, [1, 2]), min=0.0, max=3.0)
        narrow = fake(last, min=-bound, max=bound, narrow_range=True)
        return {"scores": fake(tf.matmul(seen, narrow), min=-4.0, max=4.0)}

    function = tf.function(call, autograph=False)
    signature = function.get_concrete_function(image=tf.TensorSpec([None, 8, 8, 3]))
    module = tf.Module()
    module.held = [kernel, last, low]
    path = str(folder / "fake_quant")
    tf.saved_model.save(module, path, signatures={"serving_default": signature})


def select_operators(folder: Path) -> None:
    """A Cholesky decomposition, which TensorFlow Lite has no operator for."""
    module = tf.Module()
    module.table = tf.Variable(weights(4, 4))

    def call(x: Any) -> dict[str, Any]:
        square = tf.matmul(x @ module.table, x @ module.table, transpose_b=True)
        return {"y": tf.linalg.cholesky(square + tf.eye(4))}

    function = tf.function(call, autograph=False)
    signature = function.get_concrete_function(x=tf.TensorSpec([1, 4, 4]))
    path = str(folder / "select_operators")
    tf.saved_model.save(module, path, signatures={"serving_default": signature})


def lambda_layers(folder: Path) -> None:
    """One whose code stands by itself, and one that calls what only this script has."""
    whole = keras.Sequential([layers.Input((6,)), layers.Dense(4), layers.Lambda(lambda x: x * 2)])
    whole.save(folder / "lambda.keras")
    lost = layers.Lambda(lambda x: _only_here(x))  # noqa: PLW0108 - the lambda is the point
    keras.Sequential([layers.Input((6,)), layers.Dense(4), lost]).save(
        folder / "unrestorable_lambda.keras"
    )


def _only_here(values: Any) -> Any:
    return values * 2.0


def custom_layers(folder: Path) -> None:
    (folder / "layers.py").write_text(CUSTOM_LAYERS)
    names: dict[str, Any] = {"__name__": "zoo_layers"}
    exec(CUSTOM_LAYERS, names)  # noqa: S102 - the module that the model's owner would keep
    model = keras.Sequential(
        [
            layers.Input((6,)),
            names["Scale"](),
            layers.Dense(4, activation=names["halved"]),
            names["Shift"](0.5),
        ]
    )
    model.save(folder / "custom_layers.keras")


def mobilenet_v2(folder: Path) -> None:
    model = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    awakened(model).save(folder / "mobilenet_v2.keras")


def efficientnet_b0(folder: Path) -> None:
    model = keras.applications.EfficientNetB0(weights=None, classifier_activation=None)
    awakened(model).save(folder / "efficientnet_b0.keras")


def awakened(model: Any) -> Any:
    """Gives the normalisations the statistics of one batch.

    With those of their creation the signal fades from layer to layer, every output is the same
    for every input, and a comparison proves nothing.
    """
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(np.random.default_rng(SEED).standard_normal((8, *model.input_shape[1:])), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return model


GROUPS: dict[str, tuple[Callable[[Path], None], ...]] = {
    "small": (
        lstm,
        bidirectional_gru,
        several_inputs_and_outputs,
        structured,
        dynamic_size,
        keras_3_h5,
        keras_2_h5,
        keras_2_archive,
        several_signatures,
        tf1,
        tf1_table,
        tf1_loop,
        fake_quant,
        select_operators,
        lambda_layers,
        custom_layers,
    ),
    "applications": (mobilenet_v2, efficientnet_b0),
}


def main() -> None:
    """Makes one group of models in a new folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("group", choices=GROUPS)
    options = parser.parse_args()
    options.output.mkdir(parents=True)
    for make in GROUPS[options.group]:
        keras.utils.set_random_seed(SEED)
        make(options.output)


if __name__ == "__main__":
    main()
