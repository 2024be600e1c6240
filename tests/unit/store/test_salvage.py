"""What is saved of a damaged store, row by row; ``test_repair`` breaks whole files."""

import sqlite3
from pathlib import Path

import pytest

from fakes.samples import NOON, a_new_job
from tflited.store.database import Database
from tflited.store.queue import SqliteStore
from tflited.store.salvage import Saved, salvage


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A store of three jobs, to be broken by the test."""
    path = tmp_path / "damaged"
    with SqliteStore(path) as store:
        for name in ("one", "two", "three"):
            store.accept(a_new_job(name, trigger_id=name), NOON)
    return path


def saved_from(path: Path) -> tuple[Saved, list[str]]:
    """How much was saved, and the models of the saved jobs."""
    fresh = path.with_name("fresh")
    Database(fresh).close()
    saved = salvage(path, fresh)
    with SqliteStore(fresh) as store:
        return saved, sorted(job.model.path for job in store.jobs())


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_everything_is_saved_of_a_whole_store(damaged: Path) -> None:
    """Values stand as they stood."""
    assert saved_from(damaged) == (Saved(jobs=3), ["one", "three", "two"])


@pytest.mark.parametrize(
    "broken",
    [
        "state = 'nonsense'",
        "created_at = 'yesterday'",
        "policy_json = '{\"cut'",
        "path = CAST(x'ff' AS TEXT)",
        "root = 'json:{'",
    ],
)
def test_a_row_that_means_nothing_is_left_behind(damaged: Path, broken: str) -> None:
    """It would stop the engine later; the rows beside it are saved."""
    change(damaged, f"UPDATE jobs SET {broken} WHERE path = 'two'")  # noqa: S608
    assert saved_from(damaged) == (Saved(jobs=2), ["one", "three"])


def test_an_older_release_s_store_is_saved_into_the_present_schema(damaged: Path) -> None:
    """Columns that it does not have get their defaults."""
    change(damaged, "DROP INDEX jobs_waiting")
    change(damaged, "ALTER TABLE jobs DROP COLUMN waits_for")
    assert saved_from(damaged)[0].jobs == 3


def test_what_refers_to_a_lost_job_is_left_behind(damaged: Path) -> None:
    """A receipt without its job would answer a trigger with nothing."""
    for number in (1, 9):
        change(damaged, f"INSERT INTO triggers VALUES ('t{number}', 'api', '', 1, '', {number})")  # noqa: S608
    assert saved_from(damaged)[0] == Saved(jobs=3, triggers=1)


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    """As a missing one does."""
    path = tmp_path / "damaged"
    assert saved_from(path) == (Saved(), [])
