"""Looks at the code of Lambda layers before Keras runs it: can this Python restore it at all?

Keras stores the bytecode of a lambda without the version of Python that made it. Running another
version's bytecode ends the process or computes something else, so it is read first.
"""

import binascii
import builtins
import codecs
import dis
import marshal  # noqa: TID251 - the form that Keras stores; only where the policy allows lambdas
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, Final

from tflited.errors import ConversionError

CODE: Final = "lambda_code"
_FUNCTIONS: Final = ("function", "output_shape", "mask")
"""Where older files keep functions in the configuration of a Lambda layer."""
_HINT: Final = (
    "write the layer as a class in a Python module and name it with custom_objects, or export the "
    "model as a SavedModel"
)


def check_lambdas(config: Any, names: Collection[str]) -> None:
    """Reads every lambda of a model's configuration.

    Args:
        config: the configuration.
        names: the global names that a restored lambda will find.

    Raises:
        ConversionError: one was made by another version of Python, or needs a name that the file
            does not hold.
    """
    for layer, text in lambdas(config):
        code = _code(layer, text)
        if not all(is_of_this_python(part) for part in _nested(code)):
            raise _other_version(layer)
        missing = sorted(_globals(code) - set(names) - set(vars(builtins)))
        if missing:
            raise ConversionError(
                f"The lambda of {layer} needs {', '.join(missing)}, which the file does not hold.",
                hint=_HINT,
                code=CODE,
            )


def lambdas(node: Any, layer: str = "a Lambda layer") -> Iterator[tuple[str, str]]:
    """The layer's name and the encoded bytecode of every lambda in a configuration."""
    if isinstance(node, Mapping):
        name = node.get("name")
        layer = f"layer {name!r}" if isinstance(name, str) else layer
        if node.get("class_name") == "__lambda__":
            inner = node.get("config")
            inner = inner if isinstance(inner, Mapping) else {}
            yield from _first(layer, inner.get("code", inner.get("value")))
            return
        for key in _FUNCTIONS:
            if node.get(f"{key}_type") == "lambda":
                yield from _first(layer, node.get(key))
        for value in node.values():
            yield from lambdas(value, layer)
    elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
        for value in node:
            yield from lambdas(value, layer)


def is_of_this_python(code: CodeType) -> bool:
    """Whether bytecode reads as this version's: known operations, caches where they belong.

    Since 3.11 a function begins with RESUME and some operations are followed by zeroed cache
    entries, whose number changes from version to version (CPython, ``Lib/dis.py``).
    """
    instructions = list(dis.get_instructions(code))
    known = {entry.opname for entry in instructions}
    read = {entry.offset for entry in instructions}
    caches = (code.co_code[at : at + 2] for at in range(0, len(code.co_code), 2) if at not in read)
    return (
        "RESUME" in known
        and "CACHE" not in known
        and not any(name.startswith("<") for name in known)
        and not any(any(pair) for pair in caches)
    )


def _first(layer: str, value: Any) -> Iterator[tuple[str, str]]:
    text = value[0] if isinstance(value, list | tuple) and value else value
    if isinstance(text, str):
        yield layer, text


def _code(layer: str, text: str) -> CodeType:
    try:
        code = marshal.loads(codecs.decode(text.encode("ascii"), "base64"))  # noqa: S302 - above
    except (binascii.Error, UnicodeEncodeError, ValueError, EOFError, TypeError) as error:
        raise _other_version(layer) from error
    if not isinstance(code, CodeType):
        raise _other_version(layer)
    return code


def _other_version(layer: str) -> ConversionError:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return ConversionError(
        f"The lambda of {layer} is bytecode that Python {here} cannot run: another version of "
        "Python saved it.",
        hint=_HINT,
        code=CODE,
    )


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _nested(value)


def _globals(code: CodeType) -> set[str]:
    return {
        str(entry.argval)
        for part in _nested(code)
        for entry in dis.get_instructions(part)
        if entry.opname in {"LOAD_GLOBAL", "LOAD_NAME"}
    }
