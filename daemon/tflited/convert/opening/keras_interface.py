"""Names for the inputs and outputs of a Keras model, whatever structure its call has."""

import inspect
import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflited.domain.figures import TensorSpec
from tflited.errors import ConversionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """How a model is called by name.

    Attributes:
        inputs: by name; names can be those of arguments, which signatures require.
        structure: what the call takes, with an input's name in the place of each tensor.
        output_names: the model's own, where its outputs are a flat list.
    """

    inputs: tuple[TensorSpec, ...]
    structure: Any
    output_names: tuple[str, ...]

    def body(self, call: Callable[[Any], Any]) -> Callable[..., dict[str, Any]]:
        """The model as a function of named tensors that gives named tensors."""

        def body(**tensors: Any) -> dict[str, Any]:
            return _named(call(_filled(self.structure, tensors)), self.output_names)

        return body


def interface_of(model: Any, config: Any) -> Interface:
    """The interface of a loaded model.

    Args:
        model: of either Keras.
        config: its configuration in the file.

    Raises:
        ConversionError: nothing tells what it takes.
    """
    output_names = tuple(getattr(model, "output_names", None) or ())
    tensors = getattr(model, "inputs", None)
    if not tensors:
        spec = _built_input(model, config)
        return Interface(inputs=(spec,), structure=spec.name, output_names=output_names)
    names = _argument_names([_name(tensor) for tensor in tensors])
    # A Sequential of Keras 3 has inputs but no input.
    structure = _structure(getattr(model, "input", tensors), names)
    if isinstance(structure, list) and len(structure) == 1:
        structure = structure[0]
    inputs = tuple(
        TensorSpec(
            index=index,
            name=names[_name(tensor)],
            shape=tuple(-1 if size is None else int(size) for size in tensor.shape),
            dtype=str(getattr(tensor.dtype, "name", tensor.dtype)),
        )
        for index, tensor in enumerate(tensors)
    )
    return Interface(inputs=inputs, structure=structure, output_names=output_names)


def _built_input(model: Any, config: Any) -> TensorSpec:
    """The only input of a subclassed model, as the file says that it was built."""
    build = config.get("build_config") if isinstance(config, Mapping) else None
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
    return TensorSpec(index=0, name=name, shape=sizes, dtype="float32")


def _name(tensor: Any) -> str:
    return str(tensor.name).split(":", maxsplit=1)[0]


def _argument_names(names: Sequence[str]) -> dict[str, str]:
    """Each name as one that an argument can have; TensorFlow changes others on its own."""
    found: dict[str, str] = {}
    for name in names:
        safe = re.sub(r"\W", "_", name, flags=re.ASCII)
        if not safe[:1].isalpha() or keyword.iskeyword(safe):
            safe = f"input_{safe}"
        while safe in found.values():
            safe += "_"
        found[name] = safe
    return found


def _structure(node: Any, names: Mapping[str, str]) -> Any:
    """By name: ``model.inputs`` lists a dictionary's tensors in the order of its sorted keys."""
    if isinstance(node, Mapping):
        return {key: _structure(value, names) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_structure(value, names) for value in node]
    return names[_name(node)]


def _filled(structure: Any, tensors: Mapping[str, Any]) -> Any:
    if isinstance(structure, dict):
        return {key: _filled(value, tensors) for key, value in structure.items()}
    if isinstance(structure, list):
        return [_filled(value, tensors) for value in structure]
    return tensors[structure]


def _named(outputs: Any, names: Sequence[str]) -> dict[str, Any]:
    """Outputs by name: keys and places of a nested structure are joined with underscores."""
    flat = dict(_flattened(outputs))
    if not isinstance(outputs, Mapping) and len(flat) == len(set(names)):
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
