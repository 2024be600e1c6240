"""Opens Keras files with the Keras that wrote them, and exports them as a SavedModel."""

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tflited.convert import tfmot_pruning, tfmot_quantisation
from tflited.convert.custom_objects import CODE as MODULE_CODE
from tflited.convert.custom_objects import BroughtCode, objects_of, require_same_keras
from tflited.convert.foreign import explained
from tflited.convert.keras_file import KerasFile, read_file, refuse_code
from tflited.convert.lambda_code import check_lambdas
from tflited.convert.source import Source, described, save_traced, trace
from tflited.domain.attempt import AttemptRequest
from tflited.domain.report import TensorSpec
from tflited.errors import ConversionError

STRIPPED: Final = (
    "The pruning wrappers of the training were taken off; the zeros in the weights stay."
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
    """Loads a ``.keras`` or HDF5 file and exports it as a SavedModel.

    Args:
        request: the file, its kind, and what the policy allows it.
        directory: where the SavedModel goes; must not exist.

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
    inputs = _inputs(model, opening.file)
    body = _body(_called(model, opening), model, [spec.name for spec in inputs])
    with (
        explained("Exporting the Keras model", scratch=str(directory.parent)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)
        function = trace(body, inputs, {})
        save_traced({"serving_default": function}, model, directory)
    source = Source(
        loader=opening.library.__name__,
        directory=directory,
        tags=("serve",),
        signatures=(described("serving_default", body, function),),
        owner=model,
    )
    is_pruned = opening.file.is_keras_2 and "PruneLowMagnitude" in opening.file.classes
    return source.noted(STRIPPED) if is_pruned else source


def _inputs(model: Any, file: KerasFile) -> tuple[TensorSpec, ...]:
    tensors = getattr(model, "inputs", None)
    if not tensors:
        return _built_inputs(model, file)
    return tuple(
        TensorSpec(
            index=index,
            name=_name(tensor),
            shape=tuple(-1 if size is None else int(size) for size in tensor.shape),
            dtype=str(getattr(tensor.dtype, "name", tensor.dtype)),
        )
        for index, tensor in enumerate(tensors)
    )


def _built_inputs(model: Any, file: KerasFile) -> tuple[TensorSpec, ...]:
    """The only input of a subclassed model, as the file says that it was built."""
    build = file.config.get("build_config") if isinstance(file.config, Mapping) else None
    shape = build.get("input_shape") if isinstance(build, Mapping) else None
    is_shape = isinstance(shape, list) and all(size is None or type(size) is int for size in shape)
    if not shape or not is_shape:
        raise ConversionError(
            "The Keras model has no defined inputs.",
            hint="call it once before saving, or export it as a SavedModel with model.export()",
            code="no_signature",
        )
    # The first size that a model was built with is the batch it happened to be called with.
    sizes = (-1, *(-1 if size is None else size for size in shape[1:]))
    name = next(iter(inspect.signature(model.call).parameters), "x")
    return (TensorSpec(index=0, name=name, shape=sizes, dtype="float32"),)


def _name(tensor: Any) -> str:
    return str(tensor.name).split(":", maxsplit=1)[0]


def _called(model: Any, opening: _Opening) -> Callable[[Any], Any]:
    """The model's call; classes of its own may branch on tensors, which AutoGraph rewrites."""

    def call(values: Any) -> Any:
        return model(values, training=False)

    return tf.function(call) if opening.module else call


def _body(
    call: Callable[[Any], Any], model: Any, names: Sequence[str]
) -> Callable[..., dict[str, Any]]:
    """The model as a function of named tensors, whatever structure its own call takes."""
    structure = getattr(model, "input", None) if getattr(model, "inputs", None) else None

    def body(**tensors: Any) -> dict[str, Any]:
        if structure is None:
            values: Any = tensors[names[0]]
        else:
            # By name: model.inputs lists a dictionary's tensors in the order of its sorted keys.
            values = _filled(structure, tensors)
        return _named(call(values), getattr(model, "output_names", None))

    return body


def _filled(structure: Any, tensors: Mapping[str, Any]) -> Any:
    """The structure with each symbolic tensor replaced by the one of its name."""
    if isinstance(structure, Mapping):
        return {key: _filled(value, tensors) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        values = [_filled(value, tensors) for value in structure]
        return values[0] if len(values) == 1 else values
    return tensors[_name(structure)]


def _named(outputs: Any, names: Sequence[str] | None) -> dict[str, Any]:
    """Outputs by name: keys and places of a nested structure are joined with underscores."""
    flat = dict(_flattened(outputs))
    is_plain = not isinstance(outputs, Mapping) and len(flat) == len(set(names or ()))
    if is_plain and names:
        return dict(zip(names, flat.values(), strict=True))
    return {f"output_{name}" if name[:1].isdigit() else name: flat[name] for name in flat}


def _flattened(outputs: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(outputs, Mapping):
        entries = [(str(key), value) for key, value in outputs.items()]
    elif isinstance(outputs, list | tuple):
        entries = [(str(index), value) for index, value in enumerate(outputs)]
    else:
        yield prefix or "0", outputs
        return
    for name, value in entries:
        yield from _flattened(value, f"{prefix}_{name}" if prefix else name)
