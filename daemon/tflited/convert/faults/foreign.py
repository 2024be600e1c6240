"""The border to TensorFlow's exceptions: everything it raises leaves as a ConversionError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from tensorflow.lite.python.convert_phase import ConverterError

from tflited.convert.faults.explain import explain

FOREIGN: Final[tuple[type[Exception], ...]] = (
    ConverterError,
    DecodeError,
    tf.errors.OpError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What TensorFlow, Keras, h5py and the quantiser raise on a model they cannot handle."""


@contextmanager
def explained(subject: str, *, scratch: str = "") -> Iterator[Any]:
    """Runs foreign code; what it raises becomes the project's error with a code and a hint.

    Args:
        subject: what is being done, on what.
        scratch: a directory whose name must not reach the reader.

    Raises:
        ConversionError: foreign code failed.
    """
    try:
        yield
    except FOREIGN as error:
        raise explain(error, subject=subject, scratch=scratch) from error
