"""Looks through a Keras configuration for modules, functions, files and sizes of no model's."""

import builtins
import importlib.util
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from tflited.errors import ConversionError

MODULE_CODE: Final = "refused_module"
FILE_CODE: Final = "refused_operator"
SIZE_CODE: Final = "absurd_size"
DEEPEST: Final = 250
"""Levels of a configuration; a model inside a model takes about five."""

_OWN: Final = ("keras", "tf_keras")
_SCRIPT: Final = "__main__"
"""Where a notebook's classes live; the child's own main module has none of them."""
_GADGETS: Final = frozenset(
    {
        "deserialize_keras_object",
        "disable_interactive_logging",
        "enable_unsafe_deserialization",
        "get_file",
        "load_img",
        "load_model",
        "load_weights",
        "model_from_config",
        "model_from_json",
        "model_from_yaml",
        "save_img",
        "save_model",
    }
)
"""Functions of Keras that read files or load other models (CVE-2025-8747, CVE-2025-9906)."""
_FILES: Final = ("vocabulary", "idf_weights")
"""Keys of lookup layers that are a list, or the path of a file that is read on loading."""
_SIZES: Final = ("units", "filters", "output_dim", "input_dim")
"""Keys of layers that have at least as many weights."""


def look_at_config(config: Any, *, weights_bytes: int, own: Collection[str]) -> None:
    """Looks through a model's configuration.

    Args:
        config: as it stands in the file.
        weights_bytes: size of the file with the weights.
        own: names that the policy's module defines.

    Raises:
        ConversionError: it is nested too deeply, or an entry is refused.
    """
    for entry in _entries(config):
        _refuse_module(entry, own)
        _refuse_file(entry)
        _refuse_size(entry, weights_bytes)


def _entries(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every table of a configuration, without recursion, which a deep one would exhaust.

    Raises:
        ConversionError: it is nested too deeply.
    """
    waiting = [(config, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise ConversionError(
                f"The model's configuration is nested more than {DEEPEST} levels deep.",
                hint="save the model without so many models inside models",
                code=SIZE_CODE,
            )
        if isinstance(node, Mapping):
            yield node
            waiting += [(value, depth + 1) for value in node.values()]
        elif isinstance(node, list | tuple):
            waiting += [(value, depth + 1) for value in node]


def _refuse_module(entry: Mapping[str, Any], own: Collection[str]) -> None:
    module, name = entry.get("module"), entry.get("class_name")
    if not isinstance(module, str) or not isinstance(name, str):
        return
    called = entry.get("config") if name == "function" else name
    if {name, called, entry.get("registered_name")} & set(own):
        return
    if module.partition(".")[0] in _OWN:
        if called not in _GADGETS:
            return
        why = "which reads files or loads other models"
    elif module == "builtins" and (name == "function" or not hasattr(builtins, str(called))):
        return
    elif not _is_importable(module):
        return  # Keras says that it does not know the class, and the hint names custom_objects
    else:
        why = "which is no part of Keras and would be imported"
    raise ConversionError(
        f"The model's configuration names {module}.{called}, {why}.",
        hint="use standard layers and functions, or define it in a Python module that the policy "
        "names with custom_objects",
        code=MODULE_CODE,
    )


def _is_importable(module: str) -> bool:
    top = module.partition(".")[0]
    if top == _SCRIPT or not top.isidentifier():
        return False
    return importlib.util.find_spec(top) is not None


def _refuse_file(entry: Mapping[str, Any]) -> None:
    for key in _FILES:
        if isinstance(entry.get(key), str):
            raise ConversionError(
                f"A layer's {key} is the path of a file: {_quoted(entry[key])}.",
                hint=f"give {key} as a list, or adapt the layer before the model is saved, which "
                "stores it with the model",
                code=FILE_CODE,
            )


def _refuse_size(entry: Mapping[str, Any], weights_bytes: int) -> None:
    for key in _SIZES:
        size = entry.get(key)
        if isinstance(size, int) and size > weights_bytes:
            raise ConversionError(
                f"Layer {_quoted(entry.get('name', ''))} declares an absurd size: {key} = {size}, "
                f"and all weights together take {weights_bytes} bytes.",
                hint="save the whole model, with its weights",
                code=SIZE_CODE,
            )


def _quoted(value: object) -> str:
    return repr(str(value)[:100])
