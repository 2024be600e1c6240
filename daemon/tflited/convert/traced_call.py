"""A SavedModel without signatures: its call, by the input signature it was saved with.

Names, element types and constant arguments are the function's own, as TensorFlow restores them in
``structured_input_signature``; the policy's ``input_shape`` chooses among its traces.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tensorflow as tf

from tflited.convert.source import Shapes, Signature
from tflited.domain.report import TensorSpec
from tflited.errors import ConversionError

NAME: Final = "serving_default"
NOTE: Final = "The model has no signature; its call was traced."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One way in which the call was traced before it was saved.

    Attributes:
        arguments: positional and named arguments, with a Slot where a tensor goes.
        inputs: the tensors in the order of their slots.
    """

    arguments: tuple[Any, Any]
    inputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of an input among the arguments."""

    name: str


def traced_call(loaded: Any, asked: Shapes) -> Signature:
    """The call of a loaded model as a signature, not yet saved.

    Args:
        loaded: the restored object.
        asked: the policy's ``input_shape``; the empty name stands for the only input.

    Raises:
        ConversionError: there is no call, or no trace of it that fits, or several without a shape.
    """
    traces = [entry for entry in _traces(loaded, asked) if _fits(entry, asked)]
    chosen = max(traces, key=_freedom, default=None)
    if chosen is None or not (asked or all(_fits(chosen, _shapes(entry)) for entry in traces)):
        raise _refusal(tuple(_traces(loaded, {})))
    return Signature(
        name=NAME,
        inputs=tuple(sorted(chosen.inputs, key=lambda spec: spec.name)),
        outputs=(),
        body=_body(loaded, chosen.arguments),
        reference=loaded,
    )


def _traces(loaded: Any, asked: Shapes) -> Iterator[Trace]:
    call = getattr(loaded, "__call__", None)  # noqa: B004 - the restored function, not its type's
    for function in getattr(call, "concrete_functions", ()):
        inputs: list[TensorSpec] = []
        arguments = _slotted(function.structured_input_signature, inputs, asked)
        if inputs and True not in _constants(arguments):  # a constant True means training
            yield Trace(arguments=arguments, inputs=tuple(inputs))


def _slotted(node: Any, inputs: list[TensorSpec], asked: Shapes) -> Any:
    """The structure with Slots for tensors, whose descriptions are appended to ``inputs``."""
    if isinstance(node, Mapping):
        return {key: _slotted(node[key], inputs, asked) for key in sorted(node)}
    if isinstance(node, list | tuple):
        return type(node)([_slotted(value, inputs, asked) for value in node])
    if not isinstance(node, tf.TensorSpec):
        return node
    name = _unique(re.sub(r"\W", "_", node.name or "x"), {spec.name for spec in inputs})
    shape = asked.get(name, asked.get("", ())) if node.shape.rank is None else node.shape
    sizes = tuple(-1 if size is None else int(size) for size in shape)
    inputs.append(TensorSpec(index=len(inputs), name=name, shape=sizes, dtype=node.dtype.name))
    return Slot(name)


def _unique(name: str, taken: set[str]) -> str:
    return name if name not in taken else f"{name}_{len(taken)}"


def _constants(node: Any) -> list[Any]:
    if isinstance(node, Mapping):
        node = list(node.values())
    if isinstance(node, list | tuple):
        return [constant for value in node for constant in _constants(value)]
    return [] if isinstance(node, Slot) else [node]


def _shapes(trace: Trace) -> Shapes:
    return {spec.name: spec.shape for spec in trace.inputs}


def _fits(trace: Trace, asked: Shapes) -> bool:
    names = _shapes(trace)
    if "" in asked and len(names) == 1:
        asked = {next(iter(names)): asked[""]}
    return asked.keys() <= names.keys() and all(
        len(shape) == len(names[name])
        and all(have in {-1, want} for have, want in zip(names[name], shape, strict=True))
        for name, shape in asked.items()
    )


def _freedom(trace: Trace) -> int:
    """How many dimensions are open: the most general trace serves every shape that is asked."""
    return sum(size == -1 for spec in trace.inputs for size in spec.shape)


def _body(loaded: Any, arguments: tuple[Any, Any]) -> Callable[..., dict[str, Any]]:
    def body(**tensors: Any) -> dict[str, Any]:
        positional, named = _filled(arguments, tensors)
        return _named(loaded(*positional, **named))

    return body


def _filled(node: Any, tensors: Mapping[str, Any]) -> Any:
    if isinstance(node, Mapping):
        return {key: _filled(value, tensors) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return type(node)([_filled(value, tensors) for value in node])
    return tensors[node.name] if isinstance(node, Slot) else node


def _named(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping) and not any(
        isinstance(value, Mapping | list | tuple) for value in outputs.values()
    ):
        return {str(key): value for key, value in outputs.items()}
    return {f"output_{index}": value for index, value in enumerate(tf.nest.flatten(outputs))}


def _refusal(traces: Sequence[Trace]) -> ConversionError:
    listed = "; ".join(
        ", ".join(f"{spec.name} {list(spec.shape)}" for spec in entry.inputs) for entry in traces
    )
    hint = "save it with signatures=..."
    if traces:
        hint += ", or set input_shape in the policy to a shape that its call was traced with"
    else:
        hint += "; input_shape helps only a model whose call was traced before saving"
    return ConversionError(
        f"The SavedModel has no signature; its call was traced with: {listed or 'nothing'} "
        "(-1: any).",
        hint=hint,
        code="no_signature",
    )
