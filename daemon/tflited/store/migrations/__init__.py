"""Brings a database file to the present schema, one numbered step at a time, never back."""

import re
import sqlite3
from importlib.resources import files
from typing import Final

from tflited.errors import StoreError

_STEP: Final = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


def steps() -> tuple[str, ...]:
    """The scripts in order; the first one leads to version 1.

    Raises:
        StoreError: the package's own scripts do not count up from 0001.
    """
    names = sorted(
        entry.name
        for entry in files("tflited.store.migrations").iterdir()
        if _STEP.match(entry.name)
    )
    numbers = [int(name[:4]) for name in names]
    if numbers != list(range(1, len(names) + 1)):
        raise StoreError(f"Migrations do not count up from 0001 without gaps: observed {names}.")
    folder = files("tflited.store.migrations")
    return tuple(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def migrate(connection: sqlite3.Connection, scripts: tuple[str, ...], *, name: str) -> None:
    """Applies what is missing, each step in a transaction of its own.

    Args:
        connection: in autocommit mode.
        scripts: every step, from version 0 on.
        name: the file, for messages.

    Raises:
        StoreError: the file was written by a newer release.
        sqlite3.Error: a step failed; the file stays at the version before it.
    """
    version = version_of(connection)
    if version > len(scripts):
        raise StoreError(
            f"The job store {name} has schema version {version},"
            f" this release knows versions up to {len(scripts)}.",
            hint="start the release that wrote it, or a newer one",
        )
    for number, script in enumerate(scripts[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
        )


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version that a file says it has; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
