"""Opens a SavedModel: its tag set, its signatures, and what to do where they are missing."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tflited.convert.foreign import explained
from tflited.convert.source import Signature, Source, described, trace
from tflited.domain.policy import Policy
from tflited.domain.report import TensorSpec
from tflited.errors import ConversionError

DEFAULT_SIGNATURES: Final = Policy().signatures
DEFAULT_TAGS: Final = Policy().tags


def read_definition(directory: Path) -> Any:
    """Parses ``saved_model.pb`` without loading the model.

    Raises:
        ConversionError: the file is missing or not a SavedModel.
    """
    definition = saved_model_pb2.SavedModel()
    with explained("Reading saved_model.pb", scratch=str(directory)):
        definition.ParseFromString((directory / "saved_model.pb").read_bytes())
    return definition


def open_saved_model(directory: Path, policy: Policy) -> Source:
    """Loads a SavedModel under a policy's tags and signatures.

    Args:
        directory: holds ``saved_model.pb``.
        policy: ``tags``, ``signatures`` and, where there is no signature, ``input_shape``.

    Returns:
        The source, with a note for everything that was chosen in the policy's place.

    Raises:
        ConversionError: no such tag set or signature, or the model does not load.
    """
    available = [
        tuple(entry.meta_info_def.tags) for entry in read_definition(directory).meta_graphs
    ]
    tags, notes = choose_tags(policy.tags, available)
    with explained("Loading the SavedModel", scratch=str(directory)):
        loaded = tf.saved_model.load(str(directory), tags=set(tags))
    source = Source(
        loader="saved_model",
        directory=directory,
        tags=tags,
        signatures=(),
        owner=loaded,
        notes=notes,
    )
    return _with_signatures(source, loaded, policy)


def choose_tags(
    asked: tuple[str, ...], available: Collection[tuple[str, ...]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tag set to load, and notes on the choice.

    Raises:
        ConversionError: the tags asked for are not there and there is no single other choice.
    """
    found = next((tags for tags in available if set(tags) == set(asked)), None)
    if found is not None:
        return found, ()
    if asked == DEFAULT_TAGS and len(available) == 1:
        only = next(iter(available))
        return only, (
            f"The model has no tag set {list(asked)}; its only one, {list(only)}, is used.",
        )
    listed = ", ".join(str(list(tags)) for tags in available) or "none"
    raise ConversionError(
        f"The SavedModel has no tag set {list(asked)}; it has {listed}.",
        hint=f"set tags to one of them, such as tags = {json.dumps(next(iter(available), ()))}",
        code="tags",
    )


def choose_signatures(
    asked: tuple[str, ...], available: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The signatures to convert, and notes on the choice.

    Raises:
        ConversionError: a signature asked for is not there and there is no single other choice.
    """
    missing = [name for name in asked if name not in available]
    if not missing:
        return asked, ()
    if asked == DEFAULT_SIGNATURES and len(available) == 1:
        only = next(iter(available))
        return (only,), (
            f"The model has no signature {asked[0]!r}; its only one, {only!r}, is used.",
        )
    listed = ", ".join(repr(name) for name in sorted(available)) or "none"
    raise ConversionError(
        f"The model has no signature {', '.join(map(repr, missing))}; it has {listed}.",
        hint=f"set it to one of them, as in signatures = {json.dumps(sorted(available)[:1])}",
        code="signatures",
    )


def _with_signatures(source: Source, loaded: Any, policy: Policy) -> Source:
    available: Mapping[str, Any] = loaded.signatures
    if not available:
        return _traced_call(source, loaded, policy)
    names, notes = choose_signatures(policy.signatures, available)
    signatures = tuple(_signature(name, available[name]) for name in names)
    return Source(
        loader=source.loader,
        directory=source.directory,
        tags=source.tags,
        signatures=signatures,
        owner=loaded,
        notes=(*source.notes, *notes),
    )


def _signature(name: str, function: Any) -> Signature:
    return described(name, function, function)


def _traced_call(source: Source, loaded: Any, policy: Policy) -> Source:
    """A model without signatures can still be called: its call is traced as the policy says."""
    shape = policy.input_shape.get("")
    if shape is None or not callable(loaded):
        raise ConversionError(
            "The SavedModel has no signature.",
            hint="save it with signatures=..., or set input_shape = [1, ...] to trace its call",
            code="no_signature",
        )

    def body(x: Any) -> dict[str, Any]:
        return {"output_0": loaded(x)}

    inputs = (TensorSpec(index=0, name="x", shape=shape, dtype="float32"),)
    with explained(f"Tracing the model's call with shape {list(shape)}"):
        signature = described("serving_default", body, trace(body, inputs, {}))
    return Source(
        loader=source.loader,
        directory=source.directory,
        tags=source.tags,
        signatures=(signature,),
        owner=loaded,
        notes=(*source.notes, "The model has no signature; its call was traced."),
    )
