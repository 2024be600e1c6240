"""Reads the named statements of a file; holds no SQL of its own."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_HEAD: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


def load(file: str = "queries.sql") -> Mapping[str, str]:
    """The statements of one of the files that ship with the package, by name."""
    return parse(files("tflited.store").joinpath(file).read_text(encoding="utf-8"))


def parse(text: str) -> Mapping[str, str]:
    """Cuts a file into its named statements.

    Args:
        text: statements, each after a line ``-- name: NAME``; what stands before the first is
            left out.

    Raises:
        ValueError: two statements share a name.
    """
    _, *parts = _HEAD.split(text)
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"Statement names repeat: {sorted(names)}")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}
