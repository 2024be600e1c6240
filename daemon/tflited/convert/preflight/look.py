"""Looks at a model's files before they are opened, and refuses with the name of what is wrong.

This is for the reader: a clear refusal instead of a permission that was denied somewhere below. It
is never taken for the boundary. An operator that nobody thought of passes it, and so does a bug in
a kernel; what holds then is the sandbox of the child, and its limits.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from tensorflow.python.saved_model import loader_impl

from tflited.convert.faults.foreign import explained
from tflited.convert.opening.keras_file import read_file
from tflited.convert.preflight.archive import look_at_archive
from tflited.convert.preflight.graph import Finding, findings
from tflited.convert.preflight.hdf5 import look_at_hdf5
from tflited.convert.preflight.keras_config import look_at_config
from tflited.convert.preflight.names import defined_names
from tflited.domain.attempt import AttemptRequest
from tflited.domain.hub import COPY_MODULE
from tflited.domain.limits import Limits
from tflited.domain.model import ModelKind
from tflited.errors import ConversionError

OPERATOR_CODE: Final = "refused_operator"
SIZE_CODE: Final = "absurd_size"
STORAGE_CODE: Final = "refused_storage"
_MOST_TOLD: Final = 8


def look(request: AttemptRequest) -> None:
    """Looks at the request's model.

    Args:
        request: the model, its kind and its policy; nothing is written but below ``scratch``.

    Raises:
        ConversionError: something is refused; the message names it and where it stands.
    """
    path = Path(request.model)
    match request.kind:
        case ModelKind.SAVED_MODEL:
            look_at_graphs(path, request.policy.limits)
        case ModelKind.HUB:
            look_at_graphs(path / COPY_MODULE, request.policy.limits)
        case ModelKind.KERAS | ModelKind.KERAS_HDF5:
            _look_at_keras(request, path)


def _look_at_keras(request: AttemptRequest, path: Path) -> None:
    if request.kind is ModelKind.KERAS:
        weights_bytes = look_at_archive(path, request.policy.limits, Path(request.scratch))
    else:
        weights_bytes = path.stat().st_size
        look_at_hdf5(path, path.name)
    file = read_file(path, request.kind)
    look_at_config(
        file.config, weights_bytes=weights_bytes, own=defined_names(request.custom_objects)
    )


def look_at_graphs(directory: Path, limits: Limits) -> None:
    """Looks at every graph of a SavedModel.

    Args:
        directory: holds ``saved_model.pb``.
        limits: tensors of more than ``memory_bytes`` are absurd.

    Raises:
        ConversionError: an operator, a hook, an asset or a size is refused.
    """
    if (directory / "saved_model.cpb").exists():
        raise ConversionError(
            "The model holds saved_model.cpb, which would hide the graph that is looked at.",
            hint="export the model as one saved_model.pb",
            code=STORAGE_CODE,
        )
    with explained("Reading saved_model.pb", scratch=str(directory)):
        # As the loader itself reads it, so that both see the same graph.
        definition = loader_impl.parse_saved_model(str(directory))
    most_bytes = limits.memory_bytes or Limits().memory_bytes
    for meta_graph in definition.meta_graphs:
        found = list(islice(findings(meta_graph, most_bytes), _MOST_TOLD))
        if found:
            raise _refusal(found)


def _refusal(found: Sequence[Finding]) -> ConversionError:
    told = "; ".join(f"{entry.what} ({entry.where}) {entry.why}" for entry in found)
    if all(entry.is_size for entry in found):
        return ConversionError(
            f"The model declares an absurd size: {told}.",
            hint="export the model with the sizes that it needs, or raise limits.memory_bytes",
            code=SIZE_CODE,
        )
    names = ", ".join(dict.fromkeys(entry.what for entry in found))
    return ConversionError(
        f"The model is refused before it is opened: {told}.",
        hint=f"export it without {names}: reading and writing files, and talking to hosts, belong "
        "around a model, not into it; a vocabulary belongs to the model as an asset",
        code=OPERATOR_CODE,
    )
