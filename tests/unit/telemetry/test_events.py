"""The page of log events and the code name the same events."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
LOGGERS = {"_LOG", "_log", "LOG", "log"}
METHODS = {"debug", "info", "warning", "error", "critical", "exception"}


def logged() -> Iterator[str]:
    """Every constant event of a logger's call."""
    for path in sorted((CHECKOUT / "daemon").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and _is_log(node.func):
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def _is_log(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "log"
    return (
        isinstance(function, ast.Attribute)
        and function.attr in METHODS
        and isinstance(function.value, ast.Name)
        and function.value.id in LOGGERS
    )


def test_every_event_is_documented_and_every_documented_event_exists() -> None:
    """Neither side may run ahead."""
    page = (CHECKOUT / "docs" / "logs.md").read_text()
    documented = set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE))
    assert set(logged()) == documented
