"""Opens Keras files with the Keras that wrote them, and exports them as a SavedModel."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tflited.convert.faults.foreign import explained
from tflited.convert.opening import tfmot_pruning, tfmot_quantisation
from tflited.convert.opening.custom_objects import CODE as MODULE_CODE
from tflited.convert.opening.custom_objects import BroughtCode, objects_of, require_same_keras
from tflited.convert.opening.keras_file import KerasFile, read_file, refuse_code
from tflited.convert.opening.keras_interface import interface_of
from tflited.convert.opening.lambda_code import check_lambdas
from tflited.convert.opening.source import Source, described, trace
from tflited.domain.attempt import AttemptRequest
from tflited.errors import ConversionError

STRIPPED: Final = (
    "The pruning wrappers of the training were taken off; the zeros in the weights stay."
)
WIDENED: Final = (
    "The model computes in mixed precision; source and files are taken in float32, the type of its "
    "weights."
)
_LAMBDA_MODULES: Final = {
    "keras": "keras.src.utils.python_utils",
    "tf_keras": "tf_keras.src.layers.core.lambda_layer",
}
"""Whose global names a restored lambda sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """What loading one file needs.

    Attributes:
        file: the file, looked into.
        library: ``keras`` or ``tf_keras``.
        objects: classes and functions by the name in the file.
        module: absolute path of the policy's module; empty without one.
        allows_lambda: the policy trusts lambdas here.
    """

    file: KerasFile
    library: Any
    objects: Mapping[str, Any]
    module: str
    allows_lambda: bool


def open_keras(request: AttemptRequest, directory: Path) -> Source:
    """Loads a ``.keras`` or HDF5 file and traces its call.

    Args:
        request: the file, its kind, and what the policy allows it.
        directory: where its SavedModel goes when one is needed; must not exist.

    Raises:
        ConversionError: the file would run code, or does not load.
    """
    file = read_file(Path(request.model), request.kind)
    allows_lambda = request.policy.allow_lambda
    refuse_code(file.config, allows_lambda=allows_lambda)
    if request.policy.custom_objects and not request.custom_objects:
        raise ConversionError(
            f"custom_objects names {request.policy.custom_objects}, which is no regular file.",
            hint="put the module there, or correct the path; it is relative to the policy's file",
            code=MODULE_CODE,
        )
    opening = _opening(file, request.custom_objects, allows_lambda=allows_lambda)
    with ExitStack() as borders:
        if opening.module or allows_lambda:
            borders.enter_context(BroughtCode(f"Loading {file.path.name}", opening.module))
        return _exported(_loaded(opening), opening, directory)


def _opening(file: KerasFile, modules: Sequence[str], *, allows_lambda: bool) -> _Opening:
    library = tf_keras if file.is_keras_2 else keras
    objects: dict[str, Any] = {}
    if file.is_keras_2:
        objects |= {**tfmot_pruning.CLASSES, **tfmot_quantisation.CLASSES}
    for module in modules:
        own = objects_of(module)
        require_same_keras(own, library, Path(module).name)
        objects |= own
    if allows_lambda:
        check_lambdas(file.config, _give_names(library.__name__, objects))
    return _Opening(
        file=file,
        library=library,
        objects=objects,
        module=modules[0] if modules else "",
        allows_lambda=allows_lambda,
    )


def _give_names(library: str, objects: Mapping[str, Any]) -> frozenset[str]:
    """Lets lambdas find the modules that almost all of them use, and the policy's own names."""
    found = vars(sys.modules[_LAMBDA_MODULES[library]])
    own = keras if library == "keras" else tf_keras
    usual = {"tf": tf, "tensorflow": tf, "np": np, "numpy": np, "keras": own, "K": own.backend}
    for name, value in {**usual, **objects}.items():
        found.setdefault(name, value)
    return frozenset(found)


def _loaded(opening: _Opening) -> Any:
    file, is_safe = opening.file, not opening.allows_lambda
    subject = f"Loading {file.path.name} (Keras {file.version or 'of unknown version'})"
    with explained(subject, scratch=str(file.path)), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what Keras remarks on a file's own style
        model = opening.library.saving.load_model(
            str(file.path),
            custom_objects=dict(opening.objects),
            compile=False,
            safe_mode=is_safe,
        )
        if file.is_keras_2 and tfmot_pruning.has_wrappers(model):
            model = tfmot_pruning.stripped(model)
    return model


def _exported(model: Any, opening: _Opening, directory: Path) -> Source:
    notes = [STRIPPED] if "PruneLowMagnitude" in opening.file.classes else []
    with (
        explained("Exporting the Keras model", scratch=str(directory.parent)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)
        if _computing_in_float32(model, opening.library):
            notes.append(WIDENED)
        interface = interface_of(model, opening.file.config)
        body = interface.body(_called(model, opening))
        function = trace(body, interface.inputs, {})
    return Source(
        loader=opening.library.__name__,
        directory=directory,
        tags=("serve",),
        signatures=(described("serving_default", body, function),),
        owner=model,
        is_saved=False,
        notes=tuple(notes),
    )


def _called(model: Any, opening: _Opening) -> Callable[[Any], Any]:
    """The model's call; classes of its own may branch on tensors, which AutoGraph rewrites."""

    def call(values: Any) -> Any:
        return model(values, training=False)

    return tf.function(call) if opening.module else call


def _computing_in_float32(model: Any, library: Any) -> bool:
    """Makes layers of mixed precision compute in the float32 that their weights have.

    The 16-bit computation was for the hardware of the training, and TensorFlow Lite has no
    operators for it. Tells whether there were any.
    """
    is_mixed = False
    for layer in model._flatten_layers():  # noqa: SLF001 - the same in both; model.layers is flat
        policy = getattr(layer, "dtype_policy", None) or getattr(layer, "_dtype_policy", None)
        if not str(getattr(policy, "name", "")).startswith("mixed_"):
            continue
        is_mixed = True
        if library is keras:
            layer.dtype_policy = keras.dtype_policies.DTypePolicy("float32")
        else:
            float32 = tf_keras.mixed_precision.Policy("float32")
            layer._set_dtype_policy(float32)  # noqa: SLF001 - has no public name
    return is_mixed
