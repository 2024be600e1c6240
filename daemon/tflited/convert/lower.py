"""Lowers a SavedModel to a flatbuffer with TensorFlow's converter.

The stock entry point loads the SavedModel twice in Python before the compiler reads it a third
time; the converter here gives the compiler the directory and parses the graph once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from tensorflow.core.framework import graph_debug_info_pb2
from tensorflow.lite.python import lite
from tensorflow.lite.python.conversion_metadata_schema_py_generated import ModelType

from tflited.convert.foreign import explained
from tflited.convert.hints import TENSOR_LIST
from tflited.convert.layout import aligned
from tflited.convert.repair import without_cell_clip
from tflited.convert.saved_model import graph_of
from tflited.convert.source import Source, with_shapes
from tflited.domain.policy import OperatorSet
from tflited.errors import ConversionError

FLOAT_SETS: Final = frozenset({OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """The float32 flatbuffer and what was needed to get it.

    Attributes:
        source: what was lowered; with a fixed batch where the model needed one.
        content: the flatbuffer.
        keeps_tensor_lists: recurrent loops stay TensorFlow operators.
    """

    source: Source
    content: bytes
    keeps_tensor_lists: bool = False


class DirectConverter(lite.TFLiteSavedModelConverterV2):  # type: ignore[misc]  # tensorflow is untyped
    """TensorFlow's SavedModel converter without its two loads of the model in Python.

    The same compiler runs on the same directory, so the flatbuffer is the same; what is lost is
    the source line in an error message.
    """

    def __init__(self, source: Source) -> None:
        names = [entry.name for entry in source.signatures]
        # Read once by the base class; what the stock factory sets, so that the metadata is equal.
        lite.TFLiteConverterBase._set_original_model_type(ModelType.TF_SAVED_MODEL)  # noqa: SLF001
        super().__init__(str(source.directory), set(source.tags), names)
        self._source_graph = graph_of(source.directory, source.tags)

    @lite._export_metrics  # type: ignore[untyped-decorator]  # noqa: SLF001 - adds the metadata
    def convert(self) -> Any:
        """The flatbuffer's bytes."""
        self._debug_info = graph_debug_info_pb2.GraphDebugInfo()
        return self._convert_from_saved_model(self._source_graph)


def converter(
    source: Source, operators: Collection[OperatorSet], *, keeps_tensor_lists: bool = False
) -> Any:
    """TensorFlow's converter over a source.

    Args:
        source: what to lower.
        operators: the sets it may use.
        keeps_tensor_lists: leave recurrent loops as TensorFlow operators.

    Returns:
        A ``TFLiteConverter``, ready for more settings and ``convert()``.
    """
    made = DirectConverter(source)
    made.target_spec.supported_ops = [tf.lite.OpsSet[name.value] for name in sorted(operators)]
    if keeps_tensor_lists:
        made._experimental_lower_tensor_list_ops = False  # noqa: SLF001 - has no public name
    return made


def lower(source: Source, operators: Collection[OperatorSet], scratch: Path) -> Lowered:
    """The float32 flatbuffer of a source.

    A recurrent layer with a dynamic batch cannot be lowered to builtins: such a model is tried
    again with batch 1, then with its loops left to select operators where the policy allows them.

    Args:
        source: the loaded model.
        operators: the policy's ``ops``.
        scratch: takes a SavedModel with a fixed batch where one is needed.

    Raises:
        ConversionError: the model cannot be lowered.
    """
    allowed = (FLOAT_SETS & set(operators)) or {OperatorSet.TFLITE_BUILTINS}
    try:
        return _lowered(source, allowed)
    except ConversionError as error:
        if error.code != TENSOR_LIST.code:
            raise
    try:
        return _lowered(_single_batch(source, scratch / "single_batch"), allowed)
    except ConversionError as error:
        if error.code != TENSOR_LIST.code or OperatorSet.SELECT_TF_OPS not in allowed:
            raise
    return _lowered(source, allowed, keeps_tensor_lists=True)


def _lowered(
    source: Source, operators: Collection[OperatorSet], *, keeps_tensor_lists: bool = False
) -> Lowered:
    with explained("Lowering the model to float32", scratch=str(source.directory)):
        made = converter(source, operators, keeps_tensor_lists=keeps_tensor_lists)
        converted = bytes(made.convert())
        repaired = without_cell_clip(converted)
        content = aligned(repaired)
    if repaired != converted:
        source = source.noted(
            "The converter limits LSTM cell states to 10, which the source does not: the limit was "
            "taken out."
        )
    return Lowered(source=source, content=content, keeps_tensor_lists=keeps_tensor_lists)


def _single_batch(source: Source, directory: Path) -> Source:
    shapes = {
        spec.name: (1, *spec.shape[1:])
        for entry in source.signatures
        for spec in entry.inputs
        if spec.shape and spec.shape[0] == -1
    }
    if not shapes:
        return source
    return with_shapes(source, shapes, directory).noted(
        "A recurrent layer needs a fixed batch: the model was lowered with batch size 1."
    )
