"""Copies what can still be read of a damaged store into a new one, row by row."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflited.errors import StoreCorruptError
from tflited.store import queries
from tflited.store.database import unpacked
from tflited.store.rows import build_of, check_policy, job_of

_TABLES: Final = ("jobs", "builds", "triggers")
"""In the order in which one refers to another."""
_SQL: Final = queries.load("salvage.sql")
_MOST_PROBES: Final = 100_000
"""Row numbers that are tried one by one between the readable ends of a table."""
_MOST_BEYOND: Final = 10_000
"""As many behind the front end, where the back cannot be read."""
_UNREADABLE: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""The latter where a name in the schema, or SQLite's message about it, is damaged."""
_PAGE_SIZE: Final = slice(16, 18)
_PAGE_COUNT: Final = slice(28, 32)

_Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """How many rows of each table were saved."""

    jobs: int = 0
    builds: int = 0
    triggers: int = 0


def salvage(damaged: Path, fresh: Path) -> Saved:
    """Saves rows; those that cannot be read, or mean nothing, are left behind.

    Args:
        damaged: a copy of the damaged file; it is changed while it is read.
        fresh: an empty store of the present schema, which nobody else has open.

    Raises:
        sqlite3.Error: the new store cannot be written.
    """
    saved = _copied(damaged, fresh)
    if saved.jobs or not damaged.exists():
        return saved
    # The first page says where the tables are, which is the same in every store of a release.
    _lend_first_page(fresh, damaged)
    return _copied(damaged, fresh)


def _copied(damaged: Path, fresh: Path) -> Saved:
    with (
        closing(sqlite3.connect(damaged, isolation_level=None)) as old,
        closing(sqlite3.connect(fresh, isolation_level=None)) as new,
    ):
        old.text_factory = bytes  # one text that is no UTF-8 costs its row, not the table
        new.row_factory, new.text_factory = sqlite3.Row, unpacked
        with suppress(*_UNREADABLE):
            old.execute("PRAGMA writable_schema = ON")  # reads a file that was cut off, too
        new.execute("PRAGMA foreign_keys = ON")
        for table in _TABLES:
            new.execute("BEGIN IMMEDIATE")
            _copy(old, new, table)
            _drop_meaningless(new, table)
            new.execute("COMMIT")
        counts = {
            table: new.execute(_SQL["count"].format(table=table)).fetchone()[0] for table in _TABLES
        }
    return Saved(**counts)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    known = {row["name"] for row in new.execute(f"PRAGMA table_info({table})")}
    for row in _readable(old, table):
        with suppress(UnicodeDecodeError, sqlite3.IntegrityError, sqlite3.DataError):
            taken = {name: _decoded(value) for name, value in row.items() if name in known}
            names, marks = ", ".join(taken), ", ".join("?" * len(taken))
            statement = _SQL["insert"].format(table=table, names=names, marks=marks)
            new.execute(statement, list(taken.values()))


def _decoded(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def _readable(old: sqlite3.Connection, table: str) -> Iterator[_Row]:
    """The rows from the front up to the first damage, from the back, then what is between."""
    reached = 0
    if not _is_there(old, table):
        return
    for number, row in _scanned(old, _SQL["up"].format(table=table), 0):
        reached = number
        yield row
    end = reached + _MOST_BEYOND
    for number, row in _scanned(old, _SQL["down"].format(table=table), reached):
        end = number
        yield row
    one = _SQL["one"].format(table=table)
    for number in range(reached + 1, min(end, reached + _MOST_PROBES)):
        yield from (row for _, row in _scanned(old, one, number))


def _is_there(old: sqlite3.Connection, table: str) -> bool:
    try:
        old.execute(_SQL["one"].format(table=table), (0,))
    except _UNREADABLE:
        return False
    return True


def _scanned(old: sqlite3.Connection, statement: str, number: int) -> Iterator[tuple[int, _Row]]:
    """What a statement gives before it meets damage, each row once."""
    seen = set[int]()
    with suppress(*_UNREADABLE):
        cursor = old.execute(statement, (number,))
        columns = [column[0] for column in cursor.description[1:]]
        for rowid, *values in cursor:
            if rowid in seen:
                return  # pages in a ring
            seen.add(rowid)
            yield rowid, dict(zip(columns, values, strict=True))


def _drop_meaningless(new: sqlite3.Connection, table: str) -> None:
    """Deletes the rows that a bad disk changed into what no store writes."""
    numbers = [row[0] for row in new.execute(_SQL["numbers"].format(table=table))]
    for number in numbers:
        try:
            row = new.execute(_SQL["one"].format(table=table), (number,)).fetchone()
            match table:
                case "jobs":
                    check_policy(job_of(row))
                case "builds":
                    build_of(row)
        except (StoreCorruptError, ValueError):
            new.execute(_SQL["delete"].format(table=table), (number,))


def _lend_first_page(fresh: Path, damaged: Path) -> None:
    with fresh.open("rb") as lender, damaged.open("r+b") as borrower:
        header = bytearray(lender.read(100))  # sqlite.org/fileformat2.html#the_database_header
        size = int.from_bytes(header[_PAGE_SIZE], "big")
        header[_PAGE_COUNT] = bytes(4)  # so that the file's own length counts
        borrower.write(header + lender.read(size - len(header)))
