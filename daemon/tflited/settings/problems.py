"""Owns how wrong configuration is told: TOML and pydantic errors become Problems, all at once."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tflited.errors import ConfigurationError, Problem

LARGEST_FILE_BYTES: Final = 1_048_576
"""Far above any sensible file, far below what could hurt the daemon."""

_LATER: Final = "not available in this version"
_PLANNED_KEYS: Final = frozenset({"prune", "evaluation.metric", "evaluation.max_drop"})
_PLANNED_VALUES: Final = {"variants": ("auto",), "c_array.style": ("cpp", "c++", "progmem", "rust")}
_LONGEST_VALUE: Final = 80
_WORDS: Final = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_type": "a number",
    "int_type": "a whole number",
    "model_type": "a table",
    "string_too_short": "text that is not empty",
    "string_type": "text",
    "too_short": "at least one entry",
    "tuple_type": "a list",
}
"""Our words for pydantic's types of error."""

_Table = TypeVar("_Table", bound=BaseModel)


def close_match(word: str, known: Sequence[str]) -> str:
    """The known word that a mistyped one most likely means; empty without one."""
    lowered = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), list(lowered), n=1)
    return lowered[found[0]] if found else ""


def unreadable(file: Path, reason: str) -> ConfigurationError:
    """The error for a file that cannot be read at all."""
    allowed = f"a readable TOML file of at most {LARGEST_FILE_BYTES} bytes"
    return ConfigurationError(
        (Problem(file=str(file), key="(file)", observed=reason, allowed=allowed),)
    )


def parse_toml(content: bytes, *, file: str) -> dict[str, Any]:
    """Parses a TOML file.

    Raises:
        ConfigurationError: it is no UTF-8 or no TOML; the problem names the line.
    """
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Problem(
            file=file, key=f"line {line}", observed="a byte that is no UTF-8", allowed="UTF-8"
        )
    except tomllib.TOMLDecodeError as error:
        problem = _syntax_problem(str(error), content, file=file)
    except RecursionError:
        problem = Problem(
            file=file, key="(file)", observed="too many levels of nesting", allowed="TOML"
        )
    raise ConfigurationError((problem,))


def _syntax_problem(message: str, content: bytes, *, file: str) -> Problem:
    match = re.fullmatch(r"(?P<what>.*) \(at (?P<where>.*)\)", message, re.DOTALL)
    what, where = (match["what"], match["where"]) if match else (message, "(file)")
    if "line" not in where:
        where = f"line {len(content.splitlines())}, {where}"
    return Problem(file=file, key=where, observed=what.lower(), allowed="TOML 1.0")


def validate(
    model: type[_Table], table: Mapping[str, Any], *, file: str, under: str = ""
) -> _Table:
    """Validates a parsed table.

    Args:
        model: what the table must be.
        table: the parsed TOML or JSON.
        file: named in every problem.
        under: dotted key that the table stands at in the file.

    Raises:
        ConfigurationError: with every problem of the table.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        details = _without_echoes(error.errors(include_url=False))
        raise ConfigurationError(
            tuple(_problem(model, detail, file=file, under=under) for detail in details)
        ) from None


def _without_echoes(details: Sequence[ErrorDetails]) -> tuple[ErrorDetails, ...]:
    """Drops "too short" of a list whose entries were refused: pydantic counts the good ones."""
    parents = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    return tuple(
        detail
        for detail in details
        if detail["type"] != "too_short" or detail["loc"] not in parents
    )


def _problem(model: type[BaseModel], detail: ErrorDetails, *, file: str, under: str) -> Problem:
    key = _dotted(detail["loc"], under=under)
    policy_key = _policy_key(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown_key(model, detail, file=file, key=key, policy_key=policy_key)
    if detail["type"] == "missing":
        return Problem(file=file, key=key, observed="nothing", allowed="a value: it is required")
    value = detail["input"]
    if isinstance(value, str) and value.lower() in _PLANNED_VALUES.get(policy_key, ()):
        allowed = f"{_expected(detail)} ({shown(value)} is {_LATER})"
        return Problem(file=file, key=key, observed=shown(value), allowed=allowed)
    return Problem(
        file=file,
        key=key,
        observed=shown(value),
        allowed=_expected(detail),
        suggestion=_meant(value, detail),
    )


def _unknown_key(
    model: type[BaseModel], detail: ErrorDetails, *, file: str, key: str, policy_key: str
) -> Problem:
    known = _siblings(model, detail["loc"][:-1])
    suggestion = close_match(str(detail["loc"][-1]), known)
    allowed = f"one of {', '.join(known)}"
    observed = "an unknown key"
    if policy_key in _PLANNED_KEYS:
        observed, allowed, suggestion = "a key of a later version", f"nothing: {_LATER}", ""
    elif policy_key == "hooks":
        observed, allowed, suggestion = "hooks", "hooks in the main file only", ""
    return Problem(file=file, key=key, observed=observed, allowed=allowed, suggestion=suggestion)


def _dotted(location: tuple[int | str, ...], *, under: str) -> str:
    text = under
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else part
    return text or "(file)"


def _policy_key(location: tuple[int | str, ...]) -> str:
    """The key inside its policy, whether the policy is a file of its own or a table."""
    names = [part for part in location if isinstance(part, str)]
    return ".".join(names[2:] if names[:1] == ["policy"] else names)


def _siblings(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys of the table at a location; names of policies and indices lead no deeper."""
    for part in location:
        field = model.model_fields.get(str(part))
        model = _table_of(field.annotation) or model if field else model
    return tuple(model.model_fields)


def _table_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_table_of(argument) for argument in get_args(annotation))
    return next((table for table in found if table), None)


def _expected(detail: ErrorDetails) -> str:
    if expected := detail.get("ctx", {}).get("expected"):
        return f"one of {str(expected).replace(' or ', ', ')}"
    if word := _WORDS.get(detail["type"]):
        return word
    if pattern := detail.get("ctx", {}).get("pattern"):
        return f"text that matches {pattern}"
    return detail["msg"].removeprefix("Input should ").removeprefix("be ")


def _meant(value: object, detail: ErrorDetails) -> str:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    return close_match(value, re.findall(r"'([^']*)'", expected)) if isinstance(value, str) else ""


def shown(value: object) -> str:
    """A value as a person reads it in TOML, cut to a line's length."""
    plain = value.value if isinstance(value, Enum) else value
    text = json.dumps(plain, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
