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
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

from tflited.errors import ConversionError

CODE: Final = "lambda_code"
_STORED_PARTS: Final = 3
_FUNCTIONS: Final = ("function", "output_shape", "mask")
"""Where older files keep functions in the configuration of a Lambda layer."""
_HINT: Final = (
    "write the layer as a class in a Python module and name it with custom_objects, or export the "
    "model as a SavedModel"
)


@dataclass(frozen=True, slots=True)
class StoredLambda:
    """A lambda as a file holds it.

    Attributes:
        layer: the layer in words.
        text: the encoded bytecode.
        closure: values of the names of the function around it.
    """

    layer: str
    text: str
    closure: tuple[Any, ...]


def check_lambdas(config: Any, names: Collection[str]) -> None:
    """Reads every lambda of a model's configuration.

    Args:
        config: the configuration.
        names: the global names that a restored lambda will find.

    Raises:
        ConversionError: one was made by another version of Python, or needs a name that the file
            does not hold.
    """
    for entry in lambdas(config):
        code = _code(entry)
        if not all(is_of_this_python(part) for part in _nested(code)):
            raise _other_version(entry.layer)
        missing = (_globals(code) - set(names) - set(vars(builtins))) | _lost(code, entry.closure)
        if missing:
            listed = ", ".join(sorted(missing))
            raise ConversionError(
                f"The lambda of {entry.layer} needs {listed}, which the file does not hold.",
                hint=_HINT,
                code=CODE,
            )


def lambdas(node: Any, layer: str = "a Lambda layer") -> Iterator[StoredLambda]:
    """Every lambda in a configuration."""
    if isinstance(node, Mapping):
        name = node.get("name")
        layer = f"layer {name!r}" if isinstance(name, str) else layer
        if node.get("class_name") == "__lambda__":
            yield from _stored(layer, node.get("config"))
            return
        for key in _FUNCTIONS:
            if node.get(f"{key}_type") == "lambda":
                yield from _stored(layer, node.get(key))
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
    try:
        instructions = list(dis.get_instructions(code))
    except (IndexError, ValueError):  # an argument that means nothing to this operation
        return False
    known = {entry.opname for entry in instructions}
    return (
        "RESUME" in known
        and "CACHE" not in known
        and not any(name.startswith("<") for name in known)
        and _balances(instructions)
    )


def _balances(instructions: Sequence[dis.Instruction]) -> bool:
    """Whether a function without jumps returns with exactly its result on the stack.

    Where this version takes an operation of another for a cache entry, it does not.
    """
    depth = 0
    for entry in instructions:
        if entry.opcode in {*dis.hasjrel, *dis.hasjabs}:
            return True  # would need every path; the other signs decide
        depth += dis.stack_effect(entry.opcode, entry.arg)
        if depth < 0:
            return False
        if entry.opname.startswith("RETURN_") and entry.opname != "RETURN_GENERATOR":
            return depth == 0
    return False


def _stored(layer: str, value: Any) -> Iterator[StoredLambda]:
    """Keras 3 stores a table; older versions a list, in a table in archives of Keras 2."""
    if isinstance(value, Mapping):
        value = value.get("value") or [value.get(key) for key in ("code", "defaults", "closure")]
    if isinstance(value, list) and len(value) == _STORED_PARTS and isinstance(value[0], str):
        closure = value[2] if isinstance(value[2], list) else []
        yield StoredLambda(layer, value[0], tuple(closure))


def _lost(code: CodeType, closure: Sequence[Any]) -> set[str]:
    """Names of the function around a lambda whose values were no data: a module, a function."""
    return {
        name
        for name, value in zip(code.co_freevars, closure, strict=False)
        if isinstance(value, Mapping)
    }


def _code(entry: StoredLambda) -> CodeType:
    try:
        encoded = codecs.decode(entry.text.encode("ascii"), "base64")
        code = marshal.loads(encoded)  # noqa: S302 - what Keras itself is about to do
    except (binascii.Error, UnicodeEncodeError, ValueError, EOFError, TypeError) as error:
        raise _other_version(entry.layer) from error
    if not isinstance(code, CodeType):
        raise _other_version(entry.layer)
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
