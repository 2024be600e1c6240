"""The table of known failures: what TensorFlow says, its stable code, and the next step.

Pure: imports no tensorflow. Every entry that a user can mend in the policy names the line. The
numbers refer to the failures users meet most, in the order of tests/integration/convert/test_hints.
"""

from dataclasses import dataclass
from typing import Final

from tflited.domain.last_words import OUT_OF_MEMORY, TYPE_INFERENCE

UNKNOWN_CODE: Final = "conversion"
UNKNOWN_HINT: Final = (
    "load the model with the TensorFlow that made it and export it again as a SavedModel; "
    "if it fails the same way, report the message above with the model"
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
        "{operators}: no TensorFlow Lite builtin computes this; where the device's runtime has the "
        'Flex delegate set ops = ["TFLITE_BUILTINS", "SELECT_TF_OPS"] (published unverified: '
        "nothing here runs such a file), else rewrite it with builtin operators"
    ),
)
NEEDS_CUSTOM_OPS: Final = Hint(
    code="needs_custom_ops",
    fragments=("Custom ops:",),
    text="{operators}: neither TensorFlow Lite's builtins nor its select operators have this; "
    "rewrite it with standard operators",
)
PYTHON_FUNCTION: Final = Hint(
    code="python_function",
    fragments=("tf.PyFunc", "tf.EagerPyFunc"),
    text="{operators}: tf.py_function and tf.numpy_function call Python, which no device has; "
    "compute the same with TensorFlow operators",
)
CONTROL_FLOW_V1: Final = Hint(
    code="control_flow_v1",
    fragments=(
        "Failed to functionalize Control Flow V1 ops",
        "has no LoopCond node",
        "Graph does not contain node",
    ),
    text="the graph has loops or branches of TensorFlow 1: export it again with "
    "tf.compat.v1.enable_control_flow_v2() in force, or put tf.identity around a loop whose result "
    "is itself an output",
)
STATEFUL_CALL: Final = Hint(
    code="stateful_call",
    fragments=("ERROR_STATEFUL_PARTITIONED_CALL_IN_FINAL_IR",),
    text="a function that keeps state is called from several places; call it from one, "
    'or convert one signature alone: signatures = ["NAME"]',
)
TENSOR_LIST: Final = Hint(
    code="tensor_list_dynamic",
    fragments=("element_shape to be static", "Lowering tensor list ops is failed"),
    text=(
        "a recurrent layer needs a fixed batch: set input_shape = [1, ...], the model's own shape "
        "with batch 1, or, for a device with the Flex delegate, "
        'ops = ["TFLITE_BUILTINS", "SELECT_TF_OPS"]'
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
    PYTHON_FUNCTION,
    NEEDS_SELECT_OPS,
    NEEDS_CUSTOM_OPS,
    Hint(
        code="not_runnable_here",
        fragments=("not supported by this interpreter", "Encountered unresolved custom op"),
        text="no interpreter in a Python package runs select operators since TensorFlow 2.20: "
        "integer variants, which run for calibration, cannot be made "
        '(variants = ["float32", "float16"] can); verify the file on the device',
    ),
    Hint(
        code="needs_calibration",
        fragments=("`representative_dataset` must be specified", "a representative_dataset must"),
        text='add [calibration] with data = "FOLDER/*.npz" (100 to 500 unlabelled samples)',
    ),
    Hint(
        code="calibration_source",
        fragments=("'generator' object is not callable", "tuple index out of range"),
        text="calibration samples must come from a function that yields a list or a dict of arrays "
        'each; name .npz files instead: add [calibration] with data = "FOLDER/*.npz"',
    ),
    Hint(
        code="calibration_type",
        fragments=("Got value of type", "but expected type"),
        text="save the arrays of calibration.data in the element type of the model's input, and "
        "look at their shape too: a wrong rank is accepted in silence",
    ),
    Hint(
        code="calibration_incomplete",
        fragments=("Max and min for dynamic tensors should be recorded",),
        text="the calibration data is empty, or a part of the model never ran on it: let "
        "calibration.data name samples that reach every branch",
    ),
    Hint(
        code="no_int16x8_kernel",
        fragments=("Quantization to 16x8-bit not yet supported", "INT16 is unsupported by op"),
        text='{operators}: has no 16x8 form; set ops = ["TFLITE_BUILTINS"] so that it stays float '
        "(not for integer-only devices), or leave int16x8 out of variants",
    ),
    Hint(
        code="integer_io",
        fragments=("inference_input_type and inference_output_type",),
        text="integer inputs and outputs need an integer variant: int8 and uint8 go with int8, "
        'int16 with int16x8; set input_type = "float32" and output_type = "float32", or variants',
    ),
    Hint(
        code="save_spec",
        fragments=("has no attribute '_get_save_spec'",),
        text="TensorFlow's own path for Keras models hides the cause: export the model with "
        "model.export(FOLDER) and convert that SavedModel",
    ),
    Hint(
        code="keras2_file",
        fragments=("Unrecognized keyword arguments passed to", "'groups'", "'time_major'"),
        text="Keras 2 wrote this file: save it with its keras_version attribute intact (then "
        "tf_keras opens it), or export it as a SavedModel",
    ),
    Hint(
        code="keras3_file",
        fragments=("Unrecognized keyword arguments: ['batch_shape']",),
        text="Keras 3 wrote this file and Keras 2 opened it: save it as .keras",
    ),
    Hint(
        code="lambda_layer",
        fragments=("deserialization of a `Lambda` layer", "deserialization of a Lambda layer"),
        text="a Lambda layer runs code of the file's own, which is refused: replace it by a "
        "standard or registered layer, or export a SavedModel",
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
        fragments=("Only support at least one signature key", "input shapes have not been set"),
        text="save with signatures=... (Keras: call the model once, then model.export()), or set "
        "input_shape = [1, ...] so that the model's call can be traced",
    ),
    Hint(
        code="tags",
        fragments=("MetaGraphDef associated with tags", "incompatible argument to `tags`"),
        text='set tags = ["TAG"] to one of the model\'s tag sets, which the message lists',
    ),
    Hint(code=TYPE_INFERENCE.code, fragments=TYPE_INFERENCE.fragments, text=TYPE_INFERENCE.hint),
    Hint(
        code="hub_layer",
        fragments=("Only instances of `keras.Layer` can be added", "Only instances of keras.Layer"),
        text="hub.KerasLayer and layers of Keras 2 do not fit Keras 3; export the model as a "
        "SavedModel with the Keras that made it",
    ),
    Hint(
        code="too_large",
        fragments=("bigger than 2gb", "cannot grow buffer", "Model size is bigger"),
        text="a flatbuffer ends at 2 GB: split the model, or make it smaller before conversion",
    ),
    Hint(
        code="invalid_flatbuffer",
        fragments=("Failed to parse the model", "Invalid model", "not a valid Flatbuffer"),
        text="the model is over 2 GB before calibration, or no flatbuffer: split it",
    ),
    Hint(
        code="kernel_type",
        fragments=("is not supported by", "is unsupported by op", "not currently supported by"),
        text='this operator has no kernel for the variant\'s type: set variants = ["float32", '
        '"int8_float_fallback"], or a weight-only variant',
    ),
    Hint(
        code="missing_custom_op",
        fragments=("Op type not registered",),
        text="the model needs an operator library that is not part of TensorFlow; rebuild it "
        "without",
    ),
    Hint(
        code="damaged_file",
        fragments=(
            "truncated file",
            "file signature not found",
            "Error parsing message",
            "Read less bytes than requested",
            "Failed to find any matching files",
            "not an sstable",
            "Checksum does not match",
        ),
        text="a file of the model is damaged or missing: copy the whole model again under another "
        "name and rename it into place",
    ),
    Hint(code=OUT_OF_MEMORY.code, fragments=OUT_OF_MEMORY.fragments, text=OUT_OF_MEMORY.hint),
)
"""Asked in this order, by fragment."""
