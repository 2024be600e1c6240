"""Prints answers: tables for people, JSON for scripts; untrusted text stays text."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNFITTED_COLUMNS = 1000
"""Where no terminal is, each row is one line, so that grep and awk see it whole."""


def as_json(document: Any) -> None:
    """Prints a document as indented JSON."""
    print(json.dumps(document, indent=2, sort_keys=True))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints a table; cells are never read as markup."""
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    is_fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    Console(soft_wrap=False, width=None if is_fitted else _UNFITTED_COLUMNS).print(shown)


def printable(value: Any) -> str:
    """A value as one line without control characters."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def moment(text: str | None) -> str:
    """A time of a JSON answer to the second, in UTC as the log has it."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%SZ") if text else ""


def model(document: dict[str, Any]) -> str:
    """``ROOT/PATH`` of a model in a JSON answer."""
    return f"{document['root']}/{document['path']}"
