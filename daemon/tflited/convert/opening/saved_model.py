"""Opens a SavedModel: its tag set, its signatures, and what to do where they are missing."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tflited.convert.faults.foreign import explained
from tflited.convert.opening.source import Shapes, Signature, Source, described
from tflited.convert.opening.tf1_loops import with_kept_exits
from tflited.convert.opening.traced_call import traced_call
from tflited.domain.policy import Policy
from tflited.errors import ConversionError

DEFAULT_SIGNATURES: Final = Policy().signatures
EVERY_SIGNATURE: Final = ("*",)
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


def open_saved_model(directory: Path, policy: Policy, scratch: Path) -> Source:
    """Loads a SavedModel under a policy's tags and signatures.

    Args:
        directory: holds ``saved_model.pb``.
        policy: ``tags``, ``signatures`` and, where there is no signature, ``input_shape``.
        scratch: where a model that cannot be converted as it is is saved anew; must not exist.

    Returns:
        The source, with a note for everything that was chosen in the policy's place.

    Raises:
        ConversionError: no such tag set or signature, or the model does not load.
    """
    definition = read_definition(directory)
    available = [tuple(entry.meta_info_def.tags) for entry in definition.meta_graphs]
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
    signed: Mapping[str, Any] = loaded.signatures
    asked = policy.input_shape
    if not signed:
        return _called(source, asked, scratch)
    names, found = choose_signatures(policy.signatures, signed)
    signatures = tuple(_signature(name, signed[name], asked) for name in names)
    source = replace(source, signatures=signatures, notes=(*notes, *found))
    return with_kept_exits(source, definition, scratch)


def _called(source: Source, asked: Shapes, scratch: Path) -> Source:
    with explained("Tracing the model's call", scratch=str(source.directory)):
        signature, taken = traced_call(DEFAULT_SIGNATURES[0], source.owner, asked)
    note = f"The model has no signature; its call was traced. It takes {taken}."
    return replace(
        source.noted(note),
        directory=scratch,
        tags=DEFAULT_TAGS,
        signatures=(signature,),
        is_saved=False,
    )


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
    usable = [tags for tags in available if "train" not in tags]
    if asked == DEFAULT_TAGS and len(usable) == 1:
        (only,) = usable
        which = "only one" if len(available) == 1 else "only one not for training"
        return only, (
            f"The model has no tag set {list(asked)}; its {which}, {list(only)}, is used.",
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
    everything = tuple(sorted(available))
    if asked == EVERY_SIGNATURE:
        return everything, ()
    missing = [name for name in asked if name not in available]
    if not missing:
        return asked, ()
    if asked == DEFAULT_SIGNATURES:
        names = ", ".join(map(repr, everything))
        which = f"only one, {names}, is" if len(everything) == 1 else f"signatures, {names}, are"
        return everything, (f"The model has no signature {asked[0]!r}; its {which} used.",)
    listed = ", ".join(repr(name) for name in sorted(available)) or "none"
    raise ConversionError(
        f"The model has no signature {', '.join(map(repr, missing))}; it has {listed}.",
        hint=f"set it to one of them, as in signatures = {json.dumps(sorted(available)[:1])}",
        code="signatures",
    )


def _signature(name: str, function: Any, asked: Shapes) -> Signature:
    return described(name, function, function, asked)
