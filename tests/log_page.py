"""The page of log events, read as a table: what may be logged, and whether something else was."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "logs.md"
ALWAYS: Final = frozenset({"event", "level", "logger", "timestamp"})
"""Keys that every event has."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event.

    Attributes:
        levels: at which it may be told.
        keys: its facts, all of them always there.
    """

    levels: frozenset[str]
    keys: frozenset[str]


@cache
def documented() -> Mapping[str, Row]:
    """Every event of the page."""
    row = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \|.*\| ([^|]*)\|$", re.MULTILINE)
    return {
        name: Row(frozenset(levels.split(", ")), frozenset(re.findall(r"`(\w+)`", keys)))
        for name, levels, keys in row.findall(PAGE.read_text())
    }


def undocumented(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Events of the project's own that are not as the page says; libraries have their own words."""
    return [
        event
        for event in events
        if event["logger"].startswith("tflited")
        and (
            (row := documented().get(event["event"])) is None
            or event["level"] not in row.levels
            or event.keys() != row.keys | ALWAYS
        )
    ]
