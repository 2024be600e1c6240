"""Owns how wrong configuration is told: TOML and pydantic errors become Problems, all at once."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tflited.errors import ConfigurationError, Problem
from tflited.settings.schema import LATER

LARGEST_FILE_BYTES: Final = 1_048_576
"""Far above any sensible main file."""

_MOST_DOTS: Final = 200
"""In one line. A dotted key costs the parser the square of its parts: 20,000 of them, in 40 KB,
take five seconds in which nothing else is done. Ours have three."""

_PLANNED_VALUES: Final = {
    "c_array.style": ("cpp", "c++", "progmem", "rust"),
}
_MOST_PROBLEMS: Final = 50
"""Of one file. Problems become the reason in every status, so a file of rubbish is cut short."""

_LONGEST_VALUE: Final = 80
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_NUMBER_BITS: Final = 128
_USER: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY: Final = re.compile(r"(://[^?#\s]*\?)\S+")
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


def unreadable(
    file: Path, reason: str, *, largest_bytes: int = LARGEST_FILE_BYTES
) -> ConfigurationError:
    """The error for a file that cannot be read at all."""
    allowed = f"a readable TOML file of at most {largest_bytes} bytes"
    return ConfigurationError(
        (Problem(file=str(file), key="(file)", observed=reason, allowed=allowed),)
    )


def parse_toml(content: bytes, *, file: str) -> dict[str, Any]:
    """Parses a TOML file.

    Raises:
        ConfigurationError: it is no UTF-8 or no TOML; the problem names the line.
    """
    _refuse_endless_keys(content, file=file)
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
        problem = _too_deep(file, key="(file)")
    except ValueError:
        # The parser lets int's own error through (sys.get_int_max_str_digits).
        problem = Problem(
            file=file,
            key="(file)",
            observed="a number of thousands of digits",
            allowed="numbers of 64 bits",
        )
    raise ConfigurationError((problem,))


def _too_deep(file: str, *, key: str) -> Problem:
    observed, allowed = "too many levels of nesting", "tables inside tables once"
    return Problem(file=file, key=key, observed=observed, allowed=allowed)


def _refuse_endless_keys(content: bytes, *, file: str) -> None:
    for number, line in enumerate(content.splitlines(), start=1):
        dots = line.count(b".")
        if dots > _MOST_DOTS and not line.lstrip().startswith(b"#"):
            problem = Problem(
                file=file,
                key=f"line {number}",
                observed=f"{dots} dots",
                allowed=f"at most {_MOST_DOTS} in one line",
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
        problems = [
            _problem(model, detail, file=file, under=under) for detail in details[:_MOST_PROBLEMS]
        ]
        if more := len(details) - len(problems):
            observed = f"{more} more problems"
            problems.append(Problem(file=file, key="(file)", observed=observed, allowed="none"))
        raise ConfigurationError(tuple(problems)) from None
    except RecursionError:
        # An enum writes out what it refuses, however deep that is.
        raise ConfigurationError((_too_deep(file, key=under or "(file)"),)) from None


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
    policy_key = _policy_key(model, detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown_key(model, detail, file=file, key=key, policy_key=policy_key)
    if detail["type"] == "missing":
        return Problem(file=file, key=key, observed="nothing", allowed="a value: it is required")
    value = detail["input"]
    if isinstance(value, str) and value.lower() in _PLANNED_VALUES.get(policy_key, ()):
        allowed = f"{_expected(detail)} ({shown(value)} is {LATER})"
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
    word = str(detail["loc"][-1])
    suggestion = _elsewhere(model, word) or close_match(word, known)
    allowed = f"one of {', '.join(known)}"
    observed = "an unknown key"
    if policy_key == "hooks":
        observed, allowed, suggestion = "hooks", "hooks in the main file only", ""
    return Problem(file=file, key=key, observed=observed, allowed=allowed, suggestion=suggestion)


def _dotted(location: tuple[int | str, ...], *, under: str) -> str:
    text = under
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            name = part if _BARE_KEY.fullmatch(part) else shown(part)
            text += f".{name}" if text else name
    return text or "(file)"


def _policy_key(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The key inside its policy, be that a file or a table; empty outside of policies."""
    names = [part for part in location if isinstance(part, str)]
    if _is_main(model):
        names = names[2:] if names[:1] == ["policy"] else []
    return ".".join(names)


def _is_main(model: type[BaseModel]) -> bool:
    return "policy" in model.model_fields


def _elsewhere(model: type[BaseModel], word: str) -> str:
    """Where a key of this name belongs, if only one place has it; TOML's headers mislead often."""
    places = [place for place in _places(model) if place.rpartition(".")[2] == word]
    return places[0] if len(places) == 1 else ""


def _places(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if table := _table_of(field.annotation):
            is_named = get_origin(field.annotation) is dict
            yield from _places(table, f"{prefix}{name}.NAME." if is_named else f"{prefix}{name}.")


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
    """A value as a person reads it in TOML, cut to a line's length; credentials are masked.

    Tables are named only and lists shown one level deep: a file may nest deeper than Python can
    follow, and hold numbers that Python refuses to write out.
    """
    if isinstance(value, list | tuple):
        text = f"[{', '.join(_shown_item(item) for item in value[:_LONGEST_VALUE])}]"
    else:
        text = _shown_item(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _shown_item(value: object) -> str:
    match value:
        case Mapping():
            return "a table"
        case list() | tuple():
            return "a list"
        case int() if value.bit_length() > _LONGEST_NUMBER_BITS:
            return f"a number of {value.bit_length()} bits"
        case Enum():
            return _shown_item(value.value)
        case str():
            return _printable(json.dumps(masked(value), ensure_ascii=False))
        case _:
            return json.dumps(value, default=str)


def _printable(text: str) -> str:
    """Without what could move a terminal's cursor or turn the reading direction."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04X}" for sign in text)


def masked(text: str) -> str:
    """The text without what an address tells of credentials: user, password and query."""
    return _QUERY.sub(r"\1***", _USER.sub("***@", text))
