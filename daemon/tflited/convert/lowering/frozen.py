"""The fast way down: one signature frozen in memory and compiled, without a SavedModel in between.

TensorFlow's public entry points load a SavedModel twice in Python before the compiler reads it a
third time. Here the loaded function itself is frozen (variables become constants) and handed to the
same compiler. That needs names inside TensorFlow that may go away; internals.py lists them, and
whatever does not fit is an ``UnfitError``, upon which the public way is taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tensorflow as tf
from tensorflow.core.framework import graph_debug_info_pb2, graph_pb2
from tensorflow.lite.python import lite

from tflited.convert import internals
from tflited.convert.faults.foreign import FOREIGN
from tflited.convert.internals import UnfitError, require
from tflited.convert.opening.source import Signature

_STATEFUL: Final = (
    "Assign",
    "ResourceScatter",
    "ResourceApply",
    "VarHandleOp",
    "Stack",
    "TensorArray",
)
_TABLES: Final = ("HashTable", "LookupTable", "MutableHashTable", "MutableDenseHashTable")
_TRAINED: Final = "FakeQuantWithMinMaxArgs"
"""An operator by which the converter tells such a graph (``lite.py``, ``QuantizationMode``)."""
_COMPOSITES: Final = ("_implements", "api_implements")
"""Attributes of functions that the compiler fuses by name; freezing inlines them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """One signature as a graph of constants.

    Attributes:
        graph: TensorFlow's GraphDef.
        inputs: tensors in the order of ``input_names``.
        outputs: tensors in the order of ``output_names``.
        signature: its name.
        input_names: the signature's names.
        output_names: the signature's names.
    """

    graph: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    signature: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]


def freeze(signature: Signature) -> Frozen:
    """The signature as a graph of constants.

    Raises:
        UnfitError: it keeps state, holds tables or composite functions, or cannot be frozen.
    """
    require(internals.FREEZING)
    function = signature.reference
    _refuse_state(function)
    try:
        graph = _constants(function)
        inputs = tuple(tensor for tensor in function.inputs if tensor.dtype != tf.resource)
        inputs = inputs[: len(signature.inputs)]
        outputs = tuple(function.outputs)
    except FOREIGN as error:
        raise UnfitError(f"freezing failed: {type(error).__name__}") from error
    names = tuple(spec.name for spec in signature.inputs)
    results = tuple(spec.name for spec in signature.outputs)
    _check_order(signature, inputs, outputs)
    return Frozen(
        graph=graph,
        inputs=inputs,
        outputs=outputs,
        signature=signature.name,
        input_names=names,
        output_names=results,
    )


def _constants(function: Any) -> Any:
    from tensorflow.python.framework import convert_to_constants

    data = convert_to_constants._FunctionConverterDataInEager(  # noqa: SLF001
        func=function, lower_control_flow=False, aggressive_inlining=False
    )
    graph, _ = convert_to_constants._replace_variables_by_constants(  # noqa: SLF001
        converter_data=data
    )
    return graph


def _refuse_state(function: Any) -> None:
    """What freezing would change the meaning of."""
    definition = function.graph.as_graph_def()
    for entry in definition.library.function:
        if any(name in entry.attr for name in _COMPOSITES):
            raise UnfitError("the model holds a composite function, which the compiler fuses")
    for name in _operators(definition):
        if name.startswith(_STATEFUL):
            raise UnfitError(f"the model keeps state with {name}")
        if name.startswith(_TABLES):
            raise UnfitError(f"the model holds a table ({name})")


def operators_of(graph: Any) -> Iterator[str]:
    """The kind of every operator of a traced graph, its functions' ones included."""
    return _operators(graph.as_graph_def())


def _operators(definition: Any) -> Iterator[str]:
    yield from (node.op for node in definition.node)
    for entry in definition.library.function:
        yield from (node.op for node in entry.node_def)


def _check_order(signature: Signature, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """The function's tensors are those of the signature, in the order of its sorted names."""
    for specs, tensors in ((signature.inputs, inputs), (signature.outputs, outputs)):
        if [spec.dtype for spec in specs] != [tensor.dtype.name for tensor in tensors]:
            raise UnfitError("the function's tensors are not those of the signature")
    if len({tensor.name for tensor in outputs}) != len(outputs):
        raise UnfitError("one tensor is several outputs")


class FrozenConverter(lite.TFLiteConverterBaseV2):  # type: ignore[misc]  # tensorflow is untyped
    """TensorFlow's converter over a graph that is frozen already.

    Attributes:
        has_trained_ranges: the graph holds the ranges of a quantisation-aware training. The
            converter looks for them by operator and knows one of them less than it converts:
            QuantizeAndDequantizeV4, which TensorFlow's own Python function writes.
    """

    def __init__(self, frozen: Frozen) -> None:
        super().__init__()
        self.has_trained_ranges = False
        self._frozen = frozen
        self._trackable_obj = None

    def convert(self) -> bytes:
        """The flatbuffer, without signatures and without TensorFlow's clean-up of float files."""
        frozen = self._frozen
        made = super().convert(frozen.graph, list(frozen.inputs), list(frozen.outputs))
        return bytes(made)

    def _validate_inputs(self, graph_def: Any, _input_tensors: Any) -> None:
        if self.has_trained_ranges:
            graph_def = graph_pb2.GraphDef()
            graph_def.node.add(op=_TRAINED, name=_TRAINED)
        self._quant_mode = lite.QuantizationMode(
            self.optimizations,
            self.target_spec,
            self.representative_dataset,
            graph_def,
            self._experimental_disable_per_channel,
            self.experimental_new_dynamic_range_quantizer,
        )
        self._validate_inference_input_output_types(self._quant_mode)
        self._debug_info = graph_debug_info_pb2.GraphDebugInfo()

    def _optimize_tflite_model(
        self, model: Any, quant_mode: Any, debug_options: Any, **edges: Any
    ) -> Any:
        # Merging equal buffers is done once, with the alignment (layout.py).
        if not quant_mode.is_integer_quantization():
            return model
        return super()._optimize_tflite_model(model, quant_mode, debug_options, **edges)
