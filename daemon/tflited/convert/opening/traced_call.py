"""Makes a signature of a model's call: picks the saved trace that fits, names its inputs.

Names, element types and constant arguments are the function's own, as TensorFlow restores them in
``structured_input_signature``; the policy's ``input_shape`` chooses among its traces.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tflited.convert.opening.source import Shapes, Signature, described, trace
from tflited.domain.figures import TensorSpec
from tflited.errors import ConversionError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Argument:
    """A tensor that the call takes; no shape where the rank is unknown."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {'of any shape' if self.shape is None else [*self.shape]}"

    def accepts(self, shape: tuple[int, ...] | None) -> bool:
        """Whether it can be traced with a shape, or without one where None is asked."""
        if self.shape is None or shape is None:
            return (self.shape, shape) != (None, None)
        return len(shape) == len(self.shape) and all(
            have in {-1, want} for have, want in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """One way in which the call was traced when the model was saved.

    Attributes:
        arguments: its tensors.
        structure: all arguments, with a ``tf.TensorSpec`` in each tensor's place.
    """

    arguments: tuple[_Argument, ...]
    structure: tuple[tuple[Any, ...], dict[str, Any]]

    def __str__(self) -> str:
        return ", ".join(map(str, self.arguments))

    @property
    def trains(self) -> bool:
        """Whether it computes what training does: a constant True says so."""
        return any(value is True for value in tf.nest.flatten(self.structure))

    @property
    def order(self) -> tuple[int, str]:
        """The freest first; a model lists its traces in any order."""
        fixed = sum(size >= 0 for argument in self.arguments for size in argument.shape or ())
        return fixed, str(self)

    def covers(self, other: "_Form") -> bool:
        """Whether it takes whatever another form takes."""
        shapes = {argument.name: argument.shape for argument in other.arguments}
        return shapes.keys() == {argument.name for argument in self.arguments} and all(
            argument.shape is None or argument.accepts(shapes[argument.name])
            for argument in self.arguments
        )

    def asked(self, argument: _Argument, shapes: Shapes) -> tuple[int, ...] | None:
        """The shape that is asked for an argument; the empty name stands for the only one."""
        only = shapes.get("") if len(self.arguments) == 1 else None
        return shapes.get(argument.name, only)

    def fits(self, shapes: Shapes) -> bool:
        """Whether it can be traced with these shapes, and has every input that they name."""
        known = {argument.name for argument in self.arguments}
        if len(known) == 1:
            known.add("")
        return set(shapes) <= known and all(
            argument.accepts(self.asked(argument, shapes)) for argument in self.arguments
        )

    def specs(self, shapes: Shapes) -> tuple[TensorSpec, ...]:
        """What to trace with."""
        return tuple(
            TensorSpec(
                index=index,
                name=argument.name,
                shape=self.asked(argument, shapes) or argument.shape or (),
                dtype=argument.dtype,
            )
            for index, argument in enumerate(self.arguments)
        )

    def call(self, function: Callable[..., Any], tensors: Mapping[str, Any]) -> Any:
        """Calls the function with tensors by name and the constants as saved."""
        left = iter(self.arguments)
        args, kwargs = tf.nest.map_structure(
            lambda value: tensors[next(left).name] if isinstance(value, tf.TensorSpec) else value,
            self.structure,
        )
        return function(*args, **kwargs)


def traced_call(name: str, model: Any, shapes: Shapes) -> tuple[Signature, str]:
    """The model's call as a signature.

    Args:
        name: of the signature.
        model: as TensorFlow restored it.
        shapes: input name to shape, the empty name for an only input; what has none is traced as
            it was saved.

    Returns:
        The signature, and what it takes in words.

    Raises:
        ConversionError: the model cannot be called, or not with these shapes, or its traces differ
            and no shape chooses among them.
    """
    form = _chosen(_forms(model), shapes)

    def body(**tensors: Any) -> dict[str, Any]:
        return _named(form.call(model, tensors))

    return described(name, body, trace(body, form.specs(shapes), {})), str(form)


def _forms(model: Any) -> list[_Form]:
    call = getattr(model, "__call__", None)  # noqa: B004  # the traces in it are wanted
    forms = [_form(function) for function in getattr(call, "concrete_functions", ())]
    usable = [form for form in forms if form.arguments]
    usable = [form for form in usable if not form.trains] or usable
    if usable:
        return sorted(usable, key=lambda form: form.order)
    others = ", ".join(
        name
        for name, value in inspect.getmembers(model)
        if not name.startswith("_") and hasattr(value, "concrete_functions")
    )
    listed = f"; it has the functions {others}" if others else ""
    raise ConversionError(
        f"The model has no signature and no call that was traced before it was saved{listed}.",
        hint="save it with signatures=..., or with a tf.function as its __call__",
        code="no_signature",
    )


def _form(function: Any) -> _Form:
    structure = function.structured_input_signature
    specs = [value for value in tf.nest.flatten(structure) if isinstance(value, tf.TensorSpec)]
    names = [re.sub(r"\W", "_", spec.name or "") for spec in specs]
    is_named = len(set(names)) == len(names) and all(name.isidentifier() for name in names)
    if not is_named:
        names = ["x"] if len(specs) == 1 else [f"input_{index}" for index in range(len(specs))]
    return _Form(arguments=tuple(map(_argument, names, specs)), structure=structure)


def _argument(name: str, spec: Any) -> _Argument:
    sizes = None if spec.shape.rank is None else spec.shape.as_list()
    shape = None if sizes is None else tuple(-1 if size is None else size for size in sizes)
    return _Argument(name=name, dtype=spec.dtype.name, shape=shape)


def _chosen(forms: list[_Form], shapes: Shapes) -> _Form:
    for form in forms:
        if form.fits(shapes) and (shapes or all(form.covers(other) for other in forms)):
            return form
    allowed = "; ".join(dict.fromkeys(map(str, forms)))
    given = ", ".join(f"{name} {list(shape)}".strip() for name, shape in shapes.items())
    raise ConversionError(
        f"The model has no signature, and its call takes {allowed} (-1: any); input_shape gives "
        f"{given or 'nothing'}.",
        hint="set input_shape to one of them: a list for one input, a table by input name for "
        "several",
        code="input_shape",
    )


def _named(outputs: Any, prefix: str = "output") -> dict[str, Any]:
    """Tensors by name: a mapping's own keys, ``output_0`` and so on for anything else."""
    if not isinstance(outputs, Mapping):
        leaves = tf.nest.flatten(outputs)
        return {f"{prefix}_{index}": leaf for index, leaf in enumerate(leaves)}
    found: dict[str, Any] = {}
    for key, value in outputs.items():
        found |= {str(key): value} if tf.is_tensor(value) else _named(value, str(key))
    return found
