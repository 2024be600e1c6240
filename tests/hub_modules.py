"""Hub modules made with tensorflow: TF2 with and without signatures, and the TF1 Hub format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

WIDTH = 4


def weights(factor: float = 1.0) -> Any:
    """A small matrix; another factor is another content."""
    return np.random.default_rng(7).standard_normal((WIDTH, 3)).astype(np.float32) * factor


class Dense(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    """One matrix product behind a call that knows its argument's name."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.matrix = tf.Variable(weights(factor))

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def __call__(self, features: Any) -> Any:
        """The product."""
        return tf.matmul(features, self.matrix)


class Pair(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    """Two inputs, a switch for training and two outputs by name; free of signatures."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = tf.Variable(weights())

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def __call__(self, left: Any, right: Any, *, training: bool) -> Any:
        """Sum and product; another thing in training."""
        if training:
            return {"sum": left - right, "product": left}
        return {"sum": left + right, "product": tf.matmul(left, self.matrix)}


def with_signature(folder: Path, factor: float = 1.0) -> Path:
    """A TF2 module with ``serving_default``."""
    module = Dense(factor)
    traced = module.__call__.get_concrete_function(tf.TensorSpec([None, WIDTH], name="features"))
    tf.saved_model.save(module, str(folder), signatures={"serving_default": traced})
    return folder


def without_signature(folder: Path) -> Path:
    """A TF2 module that is only called; two traces, for of one tensorflow makes a signature."""
    module = Dense()
    for rows in (None, 3):
        module.__call__.get_concrete_function(tf.TensorSpec([rows, WIDTH], name="features"))
    tf.saved_model.save(module, str(folder))
    return folder


def several_inputs(folder: Path) -> Path:
    """A TF2 module of two inputs that is only called, traced for training and without."""
    module = Pair()
    spec = tf.TensorSpec([None, WIDTH])
    for training in (True, False):
        module.__call__.get_concrete_function(left=spec, right=spec, training=training)
    tf.saved_model.save(module, str(folder))
    return folder


def tf1_format(folder: Path) -> Path:
    """What ``hub.Module`` wrote in TF1: a graph without tags, one to train, ``default``."""
    v1: Any = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        features = v1.placeholder(tf.float32, [None, WIDTH], name="features")
        matrix = v1.get_variable("matrix", initializer=weights(), use_resource=True)
        outputs = v1.matmul(features, matrix)
        session.run(v1.global_variables_initializer())
        make: Callable[..., Any] = v1.saved_model.signature_def_utils.predict_signature_def
        builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            tags=[],
            signature_def_map={
                "default": make(inputs={"features": features}, outputs={"default": outputs}),
                "other": make(inputs={"features": features}, outputs={"x": -outputs}),
            },
        )
        builder.add_meta_graph(tags=["train"])
        builder.save()
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")  # ModuleDef, format FORMAT_V3
    return folder
