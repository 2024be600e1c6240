"""Refuses a SavedModel whose parts are of two exports, which TensorFlow loads without an error.

TensorFlow writes ``fingerprint.pb`` last, over the graph and the checkpoint's index. A graph of one
export beside the weights of another loads and computes wrong numbers as long as names and shapes
agree; only the fingerprint tells.
"""

from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from tensorflow.core.protobuf import fingerprint_pb2

from tflited.convert.internals import FINGERPRINTING, UnfitError, require
from tflited.errors import ConversionError

_NAME: Final = "fingerprint.pb"
_FILES: Final = {
    "saved_model_checksum": "saved_model.pb",
    "checkpoint_hash": "variables/variables.index",
}
"""What a part of the fingerprint was taken of; the other parts are of the graph as well."""


def check_fingerprint(directory: Path) -> tuple[str, ...]:
    """Compares a SavedModel with its fingerprint, where it has one.

    Args:
        directory: holds ``saved_model.pb``.

    Returns:
        Why it could not be compared; nothing where it was, or where there is no fingerprint.

    Raises:
        ConversionError: graph or checkpoint are not what the fingerprint was taken of.
    """
    file = directory / _NAME
    if not file.is_file():
        return ()
    try:
        told = _parsed(file.read_bytes())
        observed = _observed(directory)
    except UnfitError as error:
        return (f"The fingerprint was not checked: {error}.",)
    if told.version.producer != observed.version.producer:
        versions = f"it is of version {told.version.producer}, TensorFlow's here is of version"
        return (f"The fingerprint was not checked: {versions} {observed.version.producer}.",)
    _compare(told, observed)
    return ()


def _parsed(content: bytes) -> Any:
    message: Any = fingerprint_pb2.FingerprintDef()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise _torn(f"{_NAME} is cut short or no fingerprint: {error}.") from error
    return message


def _observed(directory: Path) -> Any:
    require(FINGERPRINTING)
    # Looked for above: no public interface computes it.
    from tensorflow.python.saved_model.pywrap_saved_model import (
        fingerprinting,
    )

    try:
        return _parsed(fingerprinting.CreateFingerprintDef(str(directory)))
    except fingerprinting.FingerprintException as error:
        raise UnfitError(f"TensorFlow cannot take it ({error})") from error


def _compare(told: Any, observed: Any) -> None:
    for part, file in _FILES.items():
        expected, found = getattr(told, part), getattr(observed, part)
        if expected != found:
            raise _torn(
                f"{file} is not the one that {_NAME} was made for: {part} is {found:016x}, "
                f"the fingerprint says {expected:016x}; the parts are of different exports."
            )


def _torn(message: str) -> ConversionError:
    return ConversionError(
        message,
        hint="export or copy the whole model again; "
        "set check_fingerprint = false if a tool edits it on purpose",
        code="torn",
    )
