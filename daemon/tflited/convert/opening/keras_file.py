"""Reads what a Keras file says about itself, and refuses what would run code of the file's own.

The refused layers are looked for before anything is loaded: ``tf_keras`` ignores ``safe_mode`` for
``.h5`` files, and a file that runs code on loading must never be loaded.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py

from tflited.convert.faults.foreign import explained
from tflited.domain.model import ModelKind
from tflited.errors import ConversionError

LAMBDAS: Final = frozenset({"Lambda", "__lambda__"})
"""Layers that hold Python bytecode, which a policy may allow."""
REFUSED_CLASSES: Final = LAMBDAS | {"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
"""Layers whose loading or call runs code that the file brings along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasFile:
    """A file that was looked into, not loaded.

    Attributes:
        path: the file.
        config: the model's configuration.
        version: of the Keras that wrote it; empty where unknown.
        is_archive: it is a ``.keras`` archive, not HDF5.
    """

    path: Path
    config: Any
    version: str
    is_archive: bool

    @property
    def is_keras_2(self) -> bool:
        """Whether ``tf_keras`` opens it; the oldest HDF5 files have no version."""
        return self.version.startswith("2") or not (self.version or self.is_archive)

    @property
    def classes(self) -> frozenset[str]:
        """Every class that the configuration names."""
        return frozenset(_classes(self.config))


def read_file(path: Path, kind: ModelKind) -> KerasFile:
    """Looks into a Keras file.

    Args:
        path: the file.
        kind: KERAS or KERAS_HDF5.

    Raises:
        ConversionError: it is no Keras file, or holds weights only.
    """
    is_archive = kind is ModelKind.KERAS
    config, version = _archive(path) if is_archive else _hdf5(path)
    return KerasFile(path=path, config=config, version=version, is_archive=is_archive)


def refuse_code(config: Any, *, allows_lambda: bool = False) -> None:
    """Looks through a model's configuration for layers that run code of the file's own.

    Args:
        config: the configuration.
        allows_lambda: the policy trusts lambdas here.

    Raises:
        ConversionError: there is one.
    """
    refused = REFUSED_CLASSES - LAMBDAS if allows_lambda else REFUSED_CLASSES
    found = sorted(refused & set(_classes(config)))
    if not found:
        return
    hint = "replace the layer by a standard or registered one, or export a SavedModel"
    if set(found) <= LAMBDAS:
        hint += "; where you trust its author, allow_lambda = true below a root with trusted = true"
    raise ConversionError(
        f"The model holds {', '.join(found)}, which would run code from the file.",
        hint=hint,
        code="lambda_layer",
    )


def _classes(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        yield from (str(node[key]) for key in ("class_name", "registered_name") if key in node)
        for value in node.values():
            yield from _classes(value)
    elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
        for value in node:
            yield from _classes(value)


def _archive(path: Path) -> tuple[Any, str]:
    with explained(f"Reading {path.name}", scratch=str(path)):
        try:
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))
                metadata = json.loads(archive.read("metadata.json"))
        except zipfile.BadZipFile as error:
            raise ConversionError(
                f"{path.name} is no Keras archive: {error}.",
                hint="save it again with model.save()",
                code="not_keras",
            ) from error
    return config, str(metadata.get("keras_version", ""))


def _hdf5(path: Path) -> tuple[Any, str]:
    with explained(f"Reading {path.name}", scratch=str(path)), h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
        version = _text(file.attrs.get("keras_version", ""))
    if config is None:
        raise ConversionError(
            f"{path.name} holds weights without a model.",
            hint="save the whole model with model.save() instead of model.save_weights()",
            code="weights_only",
        )
    with explained(f"Reading the configuration in {path.name}"):
        return json.loads(_text(config)), version


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
