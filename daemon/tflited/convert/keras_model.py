"""Opens Keras files: which Keras wrote them, what in them would run code, and their export.

The refused layers are looked for before anything is loaded: ``tf_keras`` ignores ``safe_mode`` for
``.h5`` files, and a file that runs code on loading must never be loaded.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import h5py
import keras
import tf_keras

from tflited.convert.foreign import explained
from tflited.convert.source import Source, described, trace
from tflited.domain.model import ModelKind
from tflited.domain.report import TensorSpec
from tflited.errors import ConversionError

REFUSED_CLASSES: Final = frozenset(
    {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
)
"""Layers whose loading or call runs code that the file brings along."""


def open_keras(path: Path, kind: ModelKind, directory: Path) -> Source:
    """Loads a ``.keras`` or HDF5 file and traces its call.

    Args:
        path: the file.
        kind: KERAS or KERAS_HDF5.
        directory: where its SavedModel goes when one is needed; must not exist.

    Raises:
        ConversionError: the file would run code, or does not load.
    """
    config, version = _hdf5(path) if kind is ModelKind.KERAS_HDF5 else _archive(path)
    refuse_code(config)
    is_keras_2 = kind is ModelKind.KERAS_HDF5 and not version.startswith("3")
    subject = f"Loading {path.name} (Keras {version or 'of unknown version'})"
    with explained(subject, scratch=str(path)):
        if is_keras_2:
            model = tf_keras.models.load_model(str(path), compile=False)
        else:
            model = keras.saving.load_model(str(path), compile=False, safe_mode=True)
    return _exported(model, "tf_keras" if is_keras_2 else "keras", directory)


def refuse_code(config: Any) -> None:
    """Looks through a model's configuration for layers that run code of the file's own.

    Raises:
        ConversionError: there is one.
    """
    found = sorted(set(_classes(config)) & REFUSED_CLASSES)
    if found:
        raise ConversionError(
            f"The model holds {', '.join(found)}, which would run code from the file.",
            hint="replace the layer by a standard or registered one, or export a SavedModel",
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


def _exported(model: Any, loader: str, directory: Path) -> Source:
    inputs = _inputs(model)
    body = _body(model, [spec.name for spec in inputs])
    with explained("Exporting the Keras model", scratch=str(directory.parent)):
        function = trace(body, inputs, {})
    return Source(
        loader=loader,
        directory=directory,
        tags=("serve",),
        signatures=(described("serving_default", body, function),),
        owner=model,
        is_saved=False,
    )


def _inputs(model: Any) -> tuple[TensorSpec, ...]:
    tensors = getattr(model, "inputs", None)
    if not tensors:
        raise ConversionError(
            "The Keras model has no defined inputs.",
            hint="call it once before saving, or export it as a SavedModel with model.export()",
            code="no_signature",
        )
    return tuple(
        TensorSpec(
            index=index,
            name=_name(tensor),
            shape=tuple(-1 if size is None else int(size) for size in tensor.shape),
            dtype=str(getattr(tensor.dtype, "name", tensor.dtype)),
        )
        for index, tensor in enumerate(tensors)
    )


def _name(tensor: Any) -> str:
    return str(tensor.name).split(":", maxsplit=1)[0]


def _body(model: Any, names: Sequence[str]) -> Callable[..., dict[str, Any]]:
    """The model as a function of named tensors, whatever structure its own call takes."""
    structure = getattr(model, "input", None)

    def body(**tensors: Any) -> dict[str, Any]:
        values: Any = [tensors[name] for name in names]
        if isinstance(structure, dict):
            # By name: model.inputs lists a dictionary's tensors in the order of its sorted keys.
            values = {key: tensors[_name(tensor)] for key, tensor in structure.items()}
        elif len(values) == 1:
            values = values[0]
        return _named(model(values, training=False), getattr(model, "output_names", None))

    return body


def _named(outputs: Any, names: Sequence[str] | None) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return dict(outputs)
    values = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    if not names or len(set(names)) != len(values):
        names = [f"output_{index}" for index in range(len(values))]
    return dict(zip(names, values, strict=True))
