"""Turns what TensorFlow says about a failure into a stable code and the next step.

Pure: knows messages and error codes, imports no tensorflow. The converter's own error codes and
operator names are asked first, fragments of the message second.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tflited.errors import ConversionError

_MESSAGE_LIMIT: Final = 400
_FRAMES: Final = ("in user code:", "Exception encountered when calling")
"""Beginnings of lines that Keras and AutoGraph put before the sentence that tells what is wrong."""
_RAISED: Final = re.compile(r"^\s*(?:Exception encountered: (.+)|(\w*Error: .*))", re.MULTILINE)
"""What they say behind such lines, and behind a whole configuration."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_GENERIC_HINT: Final = (
    "load the model with the TensorFlow that made it and export it again as a SavedModel; "
    "if it fails the same way, the message above names the operator to look at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One known failure.

    Attributes:
        code: its stable name.
        fragments: any of these in the message means this failure.
        text: the next step; ``{operators}`` stands for the operators that are at fault.
    """

    code: str
    fragments: tuple[str, ...]
    text: str


NEEDS_SELECT_OPS: Final = Hint(
    code="needs_select_ops",
    fragments=("Some ops are not supported by the native TFLite runtime", "neither a custom op"),
    text=(
        "{operators}: no TensorFlow Lite builtin computes this; rewrite it with builtin operators, "
        'or add "SELECT_TF_OPS" to ops where the device\'s runtime has the Flex delegate'
    ),
)
NEEDS_CUSTOM_OPS: Final = Hint(
    code="needs_custom_ops",
    fragments=("Custom ops:",),
    text="{operators}: neither TensorFlow Lite nor TensorFlow has this operator; "
    "rewrite it with standard operators",
)
CONTROL_FLOW_V1: Final = Hint(
    code="control_flow_v1",
    fragments=(
        "Failed to functionalize Control Flow V1 ops",
        "Graph does not contain node: ",  # an Exit of a loop that is itself an output
    ),
    text="export the model again with tf.compat.v1.enable_control_flow_v2() in force, or put "
    "tf.identity around a loop whose result is itself an output",
)
STATEFUL_CALL: Final = Hint(
    code="stateful_call",
    fragments=("ERROR_STATEFUL_PARTITIONED_CALL_IN_FINAL_IR",),
    text="a function that keeps state is called from several places; call it from one, "
    "or export one signature alone",
)
TENSOR_LIST: Final = Hint(
    code="tensor_list_dynamic",
    fragments=("element_shape to be static", "Lowering tensor list ops is failed"),
    text=(
        "a recurrent layer needs a fixed batch: export the model with batch size 1 "
        '(or set input_shape), or add "SELECT_TF_OPS" to ops'
    ),
)
BY_ERROR_CODE: Final = {
    1: NEEDS_SELECT_OPS,
    2: NEEDS_CUSTOM_OPS,
    3: CONTROL_FLOW_V1,
    4: STATEFUL_CALL,
}
"""``ConverterErrorData.error_code`` of TensorFlow's converter_error_data.proto to the failure."""

HINTS: Final = (
    TENSOR_LIST,
    CONTROL_FLOW_V1,
    NEEDS_SELECT_OPS,
    NEEDS_CUSTOM_OPS,
    Hint(
        code="not_runnable_here",
        fragments=("not supported by this interpreter", "Encountered unresolved custom op"),
        text="no interpreter in a Python package runs select operators since TensorFlow 2.20; "
        "verify the file on the device",
    ),
    Hint(
        code="needs_calibration",
        fragments=("a representative_dataset must be specified",),
        text="add a [calibration] section with representative inputs to the policy",
    ),
    Hint(
        code="calibration_type",
        fragments=("Got value of type", "but expected type"),
        text="give the calibration arrays the element type of the model's input",
    ),
    Hint(
        code="calibration_incomplete",
        fragments=("Max and min for dynamic tensors should be recorded",),
        text="a part of the model never ran during calibration: add samples that reach it",
    ),
    Hint(
        code="no_int16x8_kernel",
        fragments=("Quantization to 16x8-bit not yet supported", "INT16 is unsupported by op"),
        text='add "TFLITE_BUILTINS" to ops so that this operator stays float, or drop int16x8',
    ),
    Hint(
        code="integer_io",
        fragments=("inference_input_type and inference_output_type",),
        text="int8 and uint8 go with int8 variants, int16 with int16x8; change input_type and "
        "output_type",
    ),
    Hint(
        code="keras2_file",
        fragments=("Unrecognized keyword arguments passed to", "'groups'", "'time_major'"),
        text="the file was written by Keras 2: save it with its keras_version attribute intact, "
        "or export it as a SavedModel",
    ),
    Hint(
        code="keras3_file",
        fragments=("Unrecognized keyword arguments: ['batch_shape']",),
        text="the file was written by Keras 3; save it as .keras",
    ),
    Hint(
        code="lambda_layer",
        fragments=("deserialization of a `Lambda` layer", "deserialization of a Lambda layer"),
        text="replace the Lambda layer by a registered layer, or export a SavedModel",
    ),
    Hint(
        code="custom_objects",
        fragments=(
            "could not be deserialized properly",
            "Could not deserialize",
            "Could not locate class",
            "Unknown layer",
            "Unknown object",
            "custom_object_scope",
        ),
        text="the model uses classes of its own: name the Python module that has them, as in "
        'custom_objects = "layers.py", or export a SavedModel, which needs none',
    ),
    Hint(
        code="no_signature",
        fragments=("Only support at least one signature key",),
        text="save with signatures=..., or set input_shape so that the model's call can be traced",
    ),
    Hint(
        code="tags",
        fragments=("MetaGraphDef associated with tags",),
        text="set tags to one of the model's tag sets",
    ),
    Hint(
        code="type_inference",
        fragments=("missing attribute 'value'", "Failed to infer result type"),
        text="the converter cannot type an operator; save with model.export() instead of "
        "model.save()",
    ),
    Hint(
        code="hub_layer",
        fragments=("Only instances of `keras.Layer` can be added", "Only instances of keras.Layer"),
        text="hub.KerasLayer does not fit Keras 3; export the model as a SavedModel",
    ),
    Hint(
        code="too_large",
        fragments=("bigger than 2gb", "cannot grow buffer", "Model size is bigger"),
        text="a flatbuffer ends at 2 GB: split the model, or ask for quantised variants of a "
        "smaller one",
    ),
    Hint(
        code="invalid_flatbuffer",
        fragments=("Failed to parse the model", "Invalid model"),
        text="the model is over 2 GB before calibration, or not a flatbuffer: split it",
    ),
    Hint(
        code="kernel_type",
        fragments=("is not supported by", "is unsupported by op", "not currently supported by"),
        text="this operator has no kernel for the variant's type: choose int8_float_fallback or "
        "a weight-only variant",
    ),
    Hint(
        code="missing_custom_op",
        fragments=("Op type not registered",),
        text="the model needs an operator library that is not part of TensorFlow; rebuild it "
        "without",
    ),
)
"""Asked in this order, by fragment."""


def explain(error: BaseException, *, subject: str, scratch: str = "") -> ConversionError:
    """The project's error for a foreign one.

    Args:
        error: what TensorFlow, Keras or the quantiser raised.
        subject: what was being done, on what: the beginning of the message.
        scratch: a directory whose name must not appear in the message.

    Returns:
        An error with a stable code and a hint that names the operator where one is known.
    """
    known = _by_operator(error) or _by_error_code(error) or _by_fragment(str(error))
    text = known.text if known else _GENERIC_HINT
    named = ", ".join(operators(error)) or "an operator of the model"
    message = f"{subject}: {_first_line(str(error), scratch)}"
    code = known.code if known else "conversion"
    return ConversionError(message, hint=text.replace("{operators}", named), code=code)


def operators(error: BaseException) -> tuple[str, ...]:
    """Names of the operators that a converter error blames, without repetition.

    Constants are left out: the converter blames them for what consumes them.
    """
    names = (_operator_name(entry) for entry in getattr(error, "errors", ()))
    found = dict.fromkeys(name for name in names if name and name != "tf.Const")
    return tuple(found) or tuple(dict.fromkeys(re.findall(r"'(tf\.\w+)' op", str(error))))


def _operator_name(entry: object) -> str:
    return str(getattr(getattr(entry, "operator", None), "name", ""))


def _by_operator(error: BaseException) -> Hint | None:
    entries: Iterable[object] = getattr(error, "errors", ())
    is_list = any(_operator_name(entry).startswith("tf.TensorList") for entry in entries)
    return TENSOR_LIST if is_list else None


def _by_error_code(error: BaseException) -> Hint | None:
    codes = {int(getattr(entry, "error_code", 0)) for entry in getattr(error, "errors", ())}
    return next((hint for code, hint in BY_ERROR_CODE.items() if code in codes), None)


def _by_fragment(message: str) -> Hint | None:
    return next((hint for hint in HINTS if any(part in message for part in hint.fragments)), None)


def _first_line(message: str, scratch: str) -> str:
    lines = (line.strip() for line in message.splitlines())
    first = next((line for line in lines if line and not line.startswith(_FRAMES)), "no message")
    if "in user code:" in message or "Exception encountered: " in message:
        raised = _RAISED.search(message)
        first = raised.group(raised.lastindex or 0) if raised else first
    first = _COLOUR.sub("", first)
    # MLIR prefixes its whole call stack as loc(...); the sentence after it is what a reader needs.
    first = re.sub(r"^(<unknown>:0: )?error: loc\(.*?\)+: ", "", first)
    if scratch:
        first = first.replace(scratch, "(private copy)")
    return first if len(first) <= _MESSAGE_LIMIT else f"{first[: _MESSAGE_LIMIT - 1]}…"
