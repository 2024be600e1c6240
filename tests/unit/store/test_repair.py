"""A damaged store is set aside, what can be read is saved, and numbers are not given twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import structlog.testing

from fakes.engine import FixedClock
from fakes.samples import FAILURE, NOON, a_job, a_manifest, a_new_job
from tflited.domain.job import Job, JobState, NewJob
from tflited.errors import StoreCorruptError, StoreError
from tflited.store import repair
from tflited.store.queue import SqliteStore
from tflited.store.repair import condemn, open_store, set_aside

PAGE = 4096
JOBS = 300


def opened(path: Path, newest_job: int = 0) -> SqliteStore:
    """The store as the daemon opens it."""
    return open_store(path, FixedClock(), lambda _: None, lambda: newest_job)


def job(number: int) -> NewJob:
    return a_new_job(f"m{number}", trigger_id=f"t{number}", policy_json=f'"{"x" * 600}"')


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store with a long history: one job in twenty still waits."""
    path = tmp_path_factory.mktemp("whole") / "jobs.sqlite3"
    with SqliteStore(path) as store:
        for number in range(1, JOBS + 1):
            store.accept(job(number), NOON)
            if number % 20:
                store.claim(NOON)
                store.finish(number, JobState.FAILED, NOON, FAILURE)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, whole: bytes) -> Path:
    """A copy of that store, to be broken by the test."""
    path = tmp_path / "jobs.sqlite3"
    path.write_bytes(whole)
    return path


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def zero_pages(path: Path) -> None:
    for page in (5, 20, 21, 40):
        overwrite(path, page * PAGE, bytes(PAGE))


def zero_first_page(path: Path) -> None:
    overwrite(path, 0, bytes(PAGE))


def break_schema(path: Path) -> None:
    content = path.read_bytes()
    overwrite(path, content.index(b"CREATE TABLE jobs"), b"CREATE XXXXX jobs")


def rename_column(path: Path) -> None:
    """No page is broken, and no statement would work."""
    content = path.read_bytes()
    overwrite(path, content.index(b"priority INTEGER"), b"prioritY")


def claim_another_version(path: Path) -> None:
    overwrite(path, 60, bytes(4))  # the user version (sqlite.org/fileformat2.html)


def claim_an_absurd_version(path: Path) -> None:
    overwrite(path, 60, b"\x7f\xff\xff\xff")


DAMAGES = [
    cut,
    zero_pages,
    zero_first_page,
    break_schema,
    rename_column,
    claim_another_version,
    claim_an_absurd_version,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_what_can_be_read_is_saved(
    path: Path, damage: Callable[[Path], None]
) -> None:
    """The file is set aside byte for byte, its name is told, and the new one works."""
    damage(path)
    broken = path.read_bytes()
    with structlog.testing.capture_logs() as logs, opened(path) as store:
        jobs = store.jobs(limit=1000)
        accepted = store.accept(a_new_job("later"), NOON)
        assert store.claim(NOON) is not None
    (aside,) = set_aside(path)
    (told,) = [log for log in logs if log["event"] == "store_rebuilt"]
    assert (told["set_aside"], told["jobs"]) == (str(aside), len(jobs))
    assert aside.read_bytes() == broken
    assert len(jobs) >= JOBS / 2
    assert all(known.policy_json == job(known.id).policy_json for known in jobs)
    assert accepted.id > JOBS
    assert {name.name for name in path.parent.iterdir()} == {path.name, aside.name}


def test_a_damaged_header_costs_no_row(path: Path) -> None:
    """The first page of a new store says the same as the one that was lost."""
    zero_first_page(path)
    with opened(path) as store:
        assert len(store.jobs(limit=1000)) == JOBS
        assert store.job_of_trigger("t7") is not None


def test_zeroed_pages_cost_their_own_rows_only(path: Path) -> None:
    """Rows on both sides of the damage are saved, also where it lies in several places."""
    zero_pages(path)
    with opened(path) as store:
        saved = {known.id for known in store.jobs(limit=1000)}
    assert {1, JOBS} <= saved
    assert JOBS - 60 < len(saved) < JOBS


def test_what_was_written_last_is_in_the_log(tmp_path: Path) -> None:
    """A daemon that was killed leaves its newest commits beside the store."""
    path = tmp_path / "jobs.sqlite3"
    SqliteStore(path).close()
    writer = (
        "import os, signal, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from fakes.samples import NOON, a_new_job; from tflited.store.queue import SqliteStore\n"
        "SqliteStore(Path(sys.argv[1])).accept(a_new_job(trigger_id='late'), NOON)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", writer, str(path), str(Path(__file__).parents[2])]
    assert subprocess.run(command, timeout=120, check=False).returncode == -signal.SIGKILL
    overwrite(path, PAGE * 3, b"\xff" * PAGE)
    condemn(path, FixedClock())
    with opened(path) as store:
        assert store.job_of_trigger("late") is not None
    (aside,) = set_aside(path)
    assert aside.with_name(aside.name + "-wal").stat().st_size


def test_a_file_that_never_was_a_store(tmp_path: Path) -> None:
    """Nothing can be saved from it; it is kept, and a store is made."""
    path = tmp_path / "jobs.sqlite3"
    path.write_bytes(b"this is not a database" * 500)
    with opened(path, newest_job=41) as store:
        assert store.accept(a_new_job(), NOON).id > 41
    assert set_aside(path)[0].read_bytes().startswith(b"this is not")


def test_numbers_go_on_above_what_is_published(path: Path) -> None:
    """The manifest's number tells a re-run what it published: no two jobs may have one."""
    os.truncate(path, PAGE)
    with opened(path, newest_job=9000) as store:
        assert store.accept(a_new_job(), NOON).id > 9000


def test_builds_and_receipts_are_saved(tmp_path: Path) -> None:
    """The history that ``why`` shows outlives the damage, and so do the ids of triggers."""
    path = tmp_path / "jobs.sqlite3"
    manifest = a_manifest(a_job())
    with SqliteStore(path) as store:
        store.accept(a_new_job(trigger_id="t"), NOON)
        store.claim(NOON)
        store.finish(1, JobState.PUBLISHED, NOON, manifest=manifest)
        before = store.builds(manifest.model)
    zero_first_page(path)
    with opened(path) as store:
        assert store.builds(manifest.model) == before
        assert store.accept(a_new_job(trigger_id="t"), NOON).state is JobState.PUBLISHED


def test_a_value_that_no_store_writes_is_damage(path: Path) -> None:
    """SQLite sees no flipped bit inside a text; the row is left behind at the next start."""
    overwrite(path, path.read_bytes().index(b"queuedmodelsm"), b"qUeued")
    store = SqliteStore(path)
    with pytest.raises(StoreCorruptError, match=r"job \d+ cannot be read"):
        store.jobs(limit=1000)
    store.close()
    condemn(path, FixedClock())
    with opened(path) as repaired:
        assert len(repaired.jobs(limit=1000)) == JOBS - 1


def cuts(path: Path) -> Iterator[Callable[[pytest.MonkeyPatch], None]]:
    """Every step of a repair, as something that dies there."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for name in ("_move", "_rebuild", "_copy", "salvage", "Database"):
        yield lambda patch, name=name: patch.setattr(repair, name, die)  # type: ignore[misc]
    for method in ("rename", "unlink"):
        for at in (0, 2, 4):
            yield lambda patch, method=method, at=at: patch.setattr(  # type: ignore[misc]
                Path, method, _dying(getattr(Path, method), at)
            )


def _dying(real: Callable[..., Path], at: int) -> Callable[..., Path]:
    left = at

    def call(*arguments: object, **named: object) -> Path:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return real(*arguments, **named)

    return call


def test_a_repair_that_is_cut_is_finished_by_the_next_start(path: Path) -> None:
    """Wherever it died, the same rows are saved and the damaged file is kept once."""
    zero_pages(path)
    broken = path.read_bytes()
    for number, die in enumerate(cuts(path)):
        folder = path.parent / f"cut{number}"
        folder.mkdir()
        victim = folder / path.name
        victim.write_bytes(broken)
        with pytest.MonkeyPatch.context() as patch:
            die(patch)
            with suppress(KeyboardInterrupt):
                opened(victim).close()
        with opened(victim) as store:
            assert len(store.jobs(limit=1000)) > JOBS - 60, number
        (aside,) = set_aside(victim)
        assert aside.read_bytes() == broken, number
        assert {each.name for each in folder.iterdir()} == {path.name, aside.name}, number


def test_two_repairs_keep_two_files(path: Path) -> None:
    """The second never overwrites what the first has set aside."""
    for _ in range(2):
        zero_first_page(path)
        opened(path).close()
    assert len(set_aside(path)) == 2


def test_random_damage_never_stops_the_start(path: Path) -> None:
    """Flipped bytes anywhere: the store opens, whole or repaired, and takes a job."""
    whole, random = path.read_bytes(), Random(6)  # noqa: S311  # the same damage each time
    for number in range(6):
        victim = path.with_name(f"victim{number}.sqlite3")
        content = bytearray(whole)
        for _ in range(random.choice((1, 20, 400))):
            content[random.randrange(len(content))] = random.randrange(256)
        victim.write_bytes(content)
        with opened(victim) as store:
            taken = store.accept(a_new_job("new"), NOON)
            assert _readable(store, victim) >= {taken.id}


def _readable(store: SqliteStore, path: Path) -> set[int]:
    """The jobs, after another repair where only a job's own values are damaged."""
    try:
        found: list[Job] = list(store.jobs(limit=1000))
    except StoreCorruptError:
        store.close()
        condemn(path, FixedClock())
        with opened(path) as again:
            found = list(again.jobs(limit=1000))
    return {job.id for job in found}


def test_a_newer_store_is_no_damaged_one(path: Path) -> None:
    """A release that is too old changes nothing."""
    overwrite(path, 60, (99).to_bytes(4, "big"))
    before = path.read_bytes()
    with pytest.raises(StoreError, match="schema version 99"):
        opened(path)
    assert path.read_bytes() == before
    assert not set_aside(path)


def test_a_folder_that_cannot_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start tells what is wrong; the damaged file stays where it is."""
    zero_first_page(path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises((StoreError, PermissionError)):
        opened(path)
    assert path.exists()
