"""The file of named statements: how it is cut, and that code and file agree."""

import re
from pathlib import Path

import pytest

import tflited.store
from tflited.store import queries
from tflited.store.database import Database

PACKAGE = Path(tflited.store.__file__).parent


def test_a_file_is_cut_at_its_names() -> None:
    """Each statement goes by the name above it; the file's own head is left out."""
    text = "-- head\n\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT 2;\n"
    assert queries.parse(text) == {"one": "SELECT 1;", "two": "-- why\nSELECT 2;"}


def test_a_name_may_stand_once() -> None:
    """The second of two statements of one name would silently win."""
    with pytest.raises(ValueError, match="one"):
        queries.parse("-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n")


def test_every_statement_is_asked_for_and_every_one_asked_for_is_there() -> None:
    """No dead SQL, and no name that only fails when its code runs."""
    modules = ("queue.py", "rests.py", "repair.py", "backup.py")
    code = "".join((PACKAGE / name).read_text("utf-8") for name in modules)
    asked = set(re.findall(r'(?:\.(?:rows?|_moved)\(\s*|load\(\)\[)"([a-z_]+)"', code))
    assert asked == set(queries.load())


def test_every_statement_for_damaged_files_is_used() -> None:
    """The same for the file that a repair reads."""
    code = "".join((PACKAGE / name).read_text("utf-8") for name in ("salvage.py", "damage.py"))
    asked = set(re.findall(r'(?:_SQL|\.sql"\))\["([a-z_]+)"\]', code))
    assert asked == set(queries.load("salvage.sql"))


def test_every_statement_fits_the_schema(tmp_path: Path) -> None:
    """SQLite can prepare each of them."""
    with Database(tmp_path / "jobs.sqlite") as database:
        for statement in queries.load().values():
            names = dict.fromkeys(re.findall(r":([a-z_]+)", statement))
            assert database.run(f"EXPLAIN {statement}", names)


def test_the_queue_is_read_through_its_index(tmp_path: Path) -> None:
    """A claim does not sort all jobs there ever were."""
    with Database(tmp_path / "jobs.sqlite") as database:
        statement = queries.load()["claim"]
        plan = database.run(f"EXPLAIN QUERY PLAN {statement}", {"now": "", "horizon": ""})
    details = " ".join(row["detail"] for row in plan)
    assert "jobs_queue" in details
    assert "jobs_running" in details
    assert "TEMP B-TREE" not in details


def test_no_sql_stands_outside_its_files() -> None:
    """Statements are read in one place."""
    found = [
        path.name
        for path in PACKAGE.glob("*.py")
        if re.search(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) ", path.read_text("utf-8"))
    ]
    assert not found
