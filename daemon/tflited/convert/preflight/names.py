"""Reads which names a policy's module defines, from its text: nothing of it is run."""

import ast
from collections.abc import Iterable
from pathlib import Path


def defined_names(modules: Iterable[str]) -> frozenset[str]:
    """Classes and functions at the top of modules; none of one that does not parse.

    Args:
        modules: absolute paths; whoever imports them tells what is wrong with them.
    """
    return frozenset(name for module in modules for name in _names(Path(module)))


def _names(module: Path) -> Iterable[str]:
    try:
        tree = ast.parse(module.read_bytes())
    except (OSError, RecursionError, SyntaxError, ValueError):
        return ()
    kinds = (ast.ClassDef, ast.FunctionDef)
    return tuple(entry.name for entry in tree.body if isinstance(entry, kinds))
