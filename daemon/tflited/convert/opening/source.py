"""The one form every model takes after loading: a SavedModel directory and its signatures.

Later stages read the directory, and ask a signature for the source's own outputs.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tflited.convert.arrays import Array
from tflited.convert.faults.foreign import explained
from tflited.domain.figures import TensorSpec
from tflited.errors import ConversionError

Shapes = Mapping[str, tuple[int, ...]]
"""Input name to shape; -1 where a dimension stays dynamic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One entry point of the source.

    Attributes:
        name: its key in the SavedModel.
        inputs: by name; -1 where a dimension is dynamic.
        outputs: by name.
        body: takes tensors by input name, gives tensors by output name; can be traced again.
        reference: TensorFlow's concrete function: it is lowered, and it gives the proof the
            source's outputs.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    body: Callable[..., Any]
    reference: Any

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The source's outputs for one sample.

        Args:
            inputs: one array for each input, in its element type.

        Raises:
            ConversionError: the source itself cannot compute this sample.
        """
        with explained(f"Running the source's signature {self.name!r}"):
            tensors = {name: tf.constant(value) for name, value in inputs.items()}
            outputs = self.reference(**tensors)
            return {name: np.asarray(value.numpy()) for name, value in outputs.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A loaded model.

    Attributes:
        loader: which library opened it.
        directory: its SavedModel; where ``is_saved`` is false, the place that ``saved`` fills.
        tags: its tag set.
        signatures: those to convert; at least one.
        owner: keeps variables and tables alive, and is saved with a new trace.
        is_saved: whether the directory is there already.
        notes: remarks for the reader.
        is_training_aware: its graph holds the 8-bit ranges that training learnt.
    """

    loader: str
    directory: Path
    tags: tuple[str, ...]
    signatures: tuple[Signature, ...]
    owner: Any
    is_saved: bool = True
    notes: tuple[str, ...] = ()
    is_training_aware: bool = False

    def noted(self, note: str) -> "Source":
        """The same source with one more remark."""
        return replace(self, notes=(*self.notes, note))

    def over(self, directory: Path) -> "Source":
        """The same source with another SavedModel for the converter."""
        return replace(self, directory=directory)


def specs(tensors: Mapping[str, Any], asked: Shapes) -> tuple[TensorSpec, ...]:
    """What a traced function takes or gives, sorted by name.

    A loaded SavedModel lists them in another order in every process.

    Args:
        tensors: by name.
        asked: shapes that it will be traced with again; stand for an unknown rank.

    Raises:
        ConversionError: a tensor's rank is unknown, and no shape is asked for.
    """
    return tuple(
        TensorSpec(index=index, name=name, shape=_shape(name, spec, asked), dtype=spec.dtype.name)
        for index, (name, spec) in enumerate(sorted(tensors.items()))
    )


def trace(body: Callable[..., Any], inputs: Sequence[TensorSpec], shapes: Shapes) -> Any:
    """Traces a function of named tensors, with other shapes where given.

    Args:
        body: takes tensors by input name.
        inputs: names, types and the shapes to use where ``shapes`` has none.
        shapes: input name to shape.

    Returns:
        TensorFlow's concrete function.
    """
    arguments = {
        spec.name: tf.TensorSpec(_dimensions(shapes.get(spec.name, spec.shape)), spec.dtype)
        for spec in inputs
    }

    def call(**tensors: Any) -> Any:
        return body(**tensors)  # a loaded function cannot be traced by itself again

    function = tf.function(call, autograph=False)
    return function.get_concrete_function(**arguments)


def save(functions: Mapping[str, Any], held: Sequence[Any], directory: Path) -> None:
    """Writes traced functions as a SavedModel.

    Args:
        functions: signature name to concrete function.
        held: variables, tables or objects that hold them.
        directory: where to; must not exist.
    """
    module = tf.Module()
    module.held = list(held)
    # With it the converter names the line of a custom layer; measured, it costs no time.
    options = tf.saved_model.SaveOptions(save_debug_info=True)
    tf.saved_model.save(module, str(directory), signatures=dict(functions), options=options)


def save_traced(functions: Mapping[str, Any], owner: Any, directory: Path) -> None:
    """Writes traced functions with their variables alone, or with all that their owner holds.

    The first is quick; tables and other resources need the second.

    Args:
        functions: signature name to concrete function.
        owner: holds every resource of the functions.
        directory: where to; must not exist.
    """
    variables = [variable for function in functions.values() for variable in function.variables]
    try:
        save(functions, variables, directory)
    except AssertionError:
        shutil.rmtree(directory, ignore_errors=True)
        save(functions, [owner], directory)


def saved(source: Source) -> Source:
    """The same source with its SavedModel on disk; written now where it is not there yet.

    Only the public converter reads one, so that most builds never need it.
    """
    if source.is_saved:
        return source
    functions = {entry.name: entry.reference for entry in source.signatures}
    save_traced(functions, source.owner, source.directory)
    return replace(source, is_saved=True)


def with_shapes(source: Source, shapes: Shapes, directory: Path) -> Source:
    """The same source traced with fixed shapes; signature names stay.

    Args:
        source: the source; is not changed.
        shapes: input name to shape, applied to every signature that has the input.
        directory: where its SavedModel goes when one is needed; must not exist.

    Raises:
        ConversionError: the model cannot be traced with these shapes.
    """
    with explained(f"Tracing the model with shapes {dict(shapes)}", scratch=str(directory.parent)):
        functions = {
            entry.name: trace(entry.body, entry.inputs, shapes) for entry in source.signatures
        }
        signatures = tuple(
            described(entry.name, entry.body, functions[entry.name]) for entry in source.signatures
        )
    return replace(
        source, directory=directory, tags=("serve",), signatures=signatures, is_saved=False
    )


def described(
    name: str, body: Callable[..., Any], function: Any, asked: Shapes | None = None
) -> Signature:
    """The signature of a traced function of named tensors.

    Args:
        name: its key.
        body: see ``Signature``.
        function: the trace.
        asked: shapes that it will be traced with again.

    Raises:
        ConversionError: a tensor's rank is unknown, and no shape is asked for.
    """
    return Signature(
        name=name,
        inputs=specs(function.structured_input_signature[1], asked or {}),
        outputs=specs(function.structured_outputs, asked or {}),
        body=body,
        reference=function,
    )


def _shape(name: str, spec: Any, asked: Shapes) -> tuple[int, ...]:
    if spec.shape.rank is None and asked:
        return asked.get(name, asked.get("", ()))
    if spec.shape.rank is None:
        raise ConversionError(
            f"The rank of tensor {name!r} is unknown.",
            hint=f"set input_shape.{name} in the policy, or export with a shape",
            code="unknown_rank",
        )
    return tuple(-1 if size is None else int(size) for size in spec.shape)


def _dimensions(shape: tuple[int, ...]) -> list[int | None]:
    return [None if size < 0 else size for size in shape]
