"""Opens a model of any kind and gives it its one form, with the policy's shapes applied."""

from dataclasses import replace
from pathlib import Path

from tflited.convert.hub.opened import open_hub
from tflited.convert.hub.reference import with_reference
from tflited.convert.opening.keras_model import open_keras
from tflited.convert.opening.saved_model import open_saved_model
from tflited.convert.opening.source import Shapes, Source, with_shapes
from tflited.convert.opening.torn import check_fingerprint
from tflited.convert.opening.training_aware import recognised
from tflited.convert.preflight.look import look
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import TensorSpec
from tflited.domain.model import ModelKind
from tflited.errors import ConversionError


def load(request: AttemptRequest) -> Source:
    """Opens the request's model.

    Args:
        request: model, kind and policy; ``scratch`` takes what has to be exported.

    Returns:
        The source; where the policy fixes shapes or asks for a concrete function, a SavedModel of
        the signatures traced for it.

    Raises:
        ConversionError: the model does not open, or does not fit the policy.
    """
    scratch = Path(request.scratch)
    if request.kind is ModelKind.HUB:
        policy = with_reference(request.policy, Path(request.model))
        request = replace(request, policy=policy)
    look(request)
    source = _open(request, scratch)
    shapes = asked_shapes(source, request.policy.input_shape)
    if _changes(source, shapes) or request.policy.concrete_function:
        source = with_shapes(source, shapes, scratch / "traced")
    return recognised(source)


def _changes(source: Source, shapes: Shapes) -> bool:
    """Whether shapes differ from those that the source has."""
    inputs = [spec for entry in source.signatures for spec in entry.inputs]
    return any(shapes.get(spec.name, spec.shape) != spec.shape for spec in inputs)


def _open(request: AttemptRequest, scratch: Path) -> Source:
    path = Path(request.model)
    match request.kind:
        case ModelKind.SAVED_MODEL:
            notes = check_fingerprint(path) if request.policy.check_fingerprint else ()
            source = open_saved_model(path, request.policy, scratch / "signed")
            return replace(source, notes=(*source.notes, *notes))
        case ModelKind.KERAS | ModelKind.KERAS_HDF5:
            return open_keras(request, scratch / "exported")
        case ModelKind.HUB:
            return open_hub(path, request.policy, scratch)


def asked_shapes(source: Source, asked: Shapes) -> Shapes:
    """The policy's shapes by input name, checked against the source.

    Args:
        source: the loaded model.
        asked: the policy's ``input_shape``; the empty name stands for the only input.

    Raises:
        ConversionError: a name is no input, or a shape does not fit.
    """
    inputs = {spec.name: spec for entry in source.signatures for spec in entry.inputs}
    shapes = {_resolved(name, inputs): shape for name, shape in asked.items()}
    for name, shape in shapes.items():
        _check_fits(inputs[name], shape)
    return shapes


def _resolved(name: str, inputs: dict[str, TensorSpec]) -> str:
    if name in inputs:
        return name
    if not name and len(inputs) == 1:
        return next(iter(inputs))
    raise ConversionError(
        f"input_shape names {name!r}; the model's inputs are {', '.join(map(repr, inputs))}."
        if name
        else f"input_shape is one shape; the model has {len(inputs)} inputs: "
        f"{', '.join(map(repr, inputs))}.",
        hint=f"write input_shape as a table by input name, such as {_example(inputs)}",
        code="input_shape",
    )


def _example(inputs: dict[str, TensorSpec]) -> str:
    shapes = (f"{name} = {[abs(size) for size in spec.shape]}" for name, spec in inputs.items())
    return f"input_shape = {{{', '.join(shapes)}}}"


def _check_fits(spec: TensorSpec, shape: tuple[int, ...]) -> None:
    fits = len(shape) == len(spec.shape) and all(
        have in {-1, want} for have, want in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise ConversionError(
            f"input_shape of {spec.name!r} is {list(shape)}; the model allows {list(spec.shape)} "
            "(-1: any).",
            hint="change input_shape in the policy, or export the model with that shape",
            code="input_shape",
        )
