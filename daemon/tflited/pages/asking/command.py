"""The ``tflited trigger`` command that sends a trigger document."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tflited.domain.policy import Variant

_NAMES: Final = frozenset(variant.value for variant in Variant)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_USUAL_PRIORITY: Final = 5


def command(document: Mapping[str, Any]) -> str:
    """One line for a shell; empty where a name in it cannot be typed.

    Args:
        document: a trigger document; its id is left out, so that the line asks anew each time.
    """
    line = shlex.join(["tflited", "trigger", *_arguments(document)])
    return line if line.isprintable() else ""


def _arguments(document: Mapping[str, Any]) -> Iterator[str]:
    model, policy = document.get("model", {}), document.get("policy", {})
    if "path" in model:
        yield model["path"]
    yield from _options(model, hub="--hub")
    yield from _shapes(model.get("input_shape", {}))
    if model.get("type", "auto") != "auto":
        yield from ("--type", model["type"])
    yield from _options(policy, name="--policy")
    yield from _own(policy.get("override", {}))
    yield from _options(document, save_to="--save-to")
    if document.get("priority", _USUAL_PRIORITY) != _USUAL_PRIORITY:
        yield from ("--priority", str(document["priority"]))
    if document.get("force"):
        yield "--force"


def _options(table: Mapping[str, Any], **options: str) -> Iterator[str]:
    for key, option in options.items():
        if key in table:
            yield from (option, table[key])


def _own(override: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a policy of the trigger's own."""
    variants = override.get("variants", ())
    is_known = _NAMES.issuperset(variants)
    for variant in variants if is_known else ():
        yield from ("--variant", variant)
    for key, value in _leaves(override):
        if key != "variants" or not is_known:
            yield from ("--set", f"{key} = {_toml(value)}")


def _shapes(asked: Any) -> Iterator[str]:
    named = asked if isinstance(asked, dict) else {"": asked}
    for name, sizes in named.items():
        told = ",".join(map(str, sizes))
        yield from ("--input-shape", f"{name}={told}" if name else told)


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key to value; a table that stands for one value is written as one."""
    for name, value in table.items():
        key = f"{above}{_key(name)}"
        if isinstance(value, dict) and name != "input_shape":
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _toml(value: Any) -> str:
    """A value as TOML has it; strings are those of JSON (toml.io, basic strings)."""
    if isinstance(value, dict):
        pairs = (f"{_key(name)} = {_toml(each)}" for name, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
