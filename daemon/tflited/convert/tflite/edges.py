"""Gives a quantised file other element types at its edges, where the caller hands values over."""

import tensorflow as tf
from tensorflow.lite.python import util

from tflited.convert.faults.foreign import explained
from tflited.domain.policy import TensorType


def with_io_types(content: bytes, inputs: TensorType, outputs: TensorType) -> bytes:
    """A quantised file with float inputs and outputs, given other ones at its edges.

    Raises:
        ConversionError: the file's edges are not quantised in that type.
    """
    with explained("Setting input_type and output_type"):
        types = (tf.dtypes.as_dtype(inputs.value), tf.dtypes.as_dtype(outputs.value))
        return bytes(util.modify_model_io_type(content, *types))
