"""Opens a Hub module with ``hub.load``: its signatures, or a trace of its call without any."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tflited.convert.faults.foreign import explained
from tflited.convert.opening.saved_model import (
    DEFAULT_SIGNATURES,
    DEFAULT_TAGS,
    choose_signatures,
    choose_tags,
    read_definition,
)
from tflited.convert.opening.source import Source, described
from tflited.convert.opening.traced_call import traced_call
from tflited.domain.hub import COPY_MODULE
from tflited.domain.policy import Policy

_HUB_DEFAULT: Final = "default"
"""The signature that ``hub.Module`` of TF1 calls (tensorflow_hub/module_spec.py)."""
_TF1_NAME: Final = "tfhub_module.pb"
_SIGNATURE: Final = DEFAULT_SIGNATURES[0]


def open_hub(copy: Path, policy: Policy, scratch: Path) -> Source:
    """Loads a module.

    Args:
        copy: the private copy's folder.
        policy: with the reference laid over it.
        scratch: takes a SavedModel of the traced call, where the module has no signature.

    Raises:
        ConversionError: it does not load, or neither has a signature nor can be called.
    """
    import tensorflow_hub  # here: only one model in many needs it

    directory = copy / COPY_MODULE
    available = [
        tuple(entry.meta_info_def.tags) for entry in read_definition(directory).meta_graphs
    ]
    tags, notes = _tags(directory, policy, available)
    with explained("Loading the Hub module", scratch=str(copy)):
        loaded = tensorflow_hub.load(str(directory), tags=list(tags))
    source = Source(
        loader="hub", directory=directory, tags=tags, signatures=(), owner=loaded, notes=notes
    )
    if loaded.signatures:
        return _with_signatures(source, loaded.signatures, policy)
    return _with_call(source, policy, scratch / "called")


def _tags(
    directory: Path, policy: Policy, available: Collection[tuple[str, ...]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """As ``choose_tags``; a module of TF1 has its inference graph without tags (module_v2.py)."""
    is_tf1 = (directory / _TF1_NAME).exists()
    if is_tf1 and policy.tags == DEFAULT_TAGS and () in available and DEFAULT_TAGS not in available:
        return (), ()
    return choose_tags(policy.tags, available)


def _with_signatures(source: Source, available: Mapping[str, Any], policy: Policy) -> Source:
    asked = policy.signatures
    if asked == DEFAULT_SIGNATURES and asked[0] not in available and _HUB_DEFAULT in available:
        asked = (_HUB_DEFAULT,)
    names, notes = choose_signatures(asked, available)
    signatures = tuple(described(name, available[name], available[name]) for name in names)
    return replace(source, signatures=signatures, notes=(*source.notes, *notes))


def _with_call(source: Source, policy: Policy, directory: Path) -> Source:
    with explained("Tracing the Hub module's call"):
        signature, taken = traced_call(_SIGNATURE, source.owner, policy.input_shape)
    note = f"The module has no signature; its call was traced. It takes {taken}."
    return replace(
        source,
        directory=directory,
        tags=DEFAULT_TAGS,
        signatures=(signature,),
        is_saved=False,
        notes=(*source.notes, note),
    )
