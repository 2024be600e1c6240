"""What the fast ways use of TensorFlow beyond its public interface, and whether it is there.

Such names may go away with any release. They are looked for before each use; where one is missing
the public interface does the same work, slower.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final

Names = Mapping[str, tuple[str, ...]]
"""Place (a module, or a class in one) to the names that are used of it."""

FREEZING: Final[Names] = {
    "tensorflow.python.framework.convert_to_constants": (
        "_FunctionConverterDataInEager",
        "_replace_variables_by_constants",
    ),
    "tensorflow.lite.python.lite": ("QuantizationMode", "TFLiteConverterBaseV2"),
    "tensorflow.lite.python.lite:TFLiteConverterBaseV2": (
        "_validate_inputs",
        "_optimize_tflite_model",
        "_validate_inference_input_output_types",
    ),
}
CALIBRATING: Final[Names] = {
    "tensorflow.lite.python.optimize.calibrator": ("Calibrator", "add_intermediate_tensors"),
    "tensorflow.lite.python.optimize.calibrator:Calibrator": ("_feed_tensors",),
    "tensorflow.lite.python.convert": ("mlir_quantize",),
}
FINGERPRINTING: Final[Names] = {
    "tensorflow.python.saved_model.pywrap_saved_model:fingerprinting": (
        "CreateFingerprintDef",
        "FingerprintException",
    ),
}


class UnfitError(Exception):
    """This model, or this TensorFlow, cannot take the fast way; the message says why."""


def require(names: Names) -> None:
    """Looks for every name.

    Raises:
        UnfitError: this TensorFlow does not have one of them.
    """
    for place, wanted in names.items():
        module, _, owner = place.partition(":")
        found = _imported(module)
        if owner:
            found = getattr(found, owner, None)
        for name in wanted:
            if not hasattr(found, name):
                raise UnfitError(f"this TensorFlow has no {place}.{name}")


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
