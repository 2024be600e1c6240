"""What must hold of a daemon's folders at any moment, however its last life ended.

Reads the files as a stranger does: JSON, SHA-256 and SQL, none of the daemon's own code.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PRIVATE: Final = ".tflited"
STORE: Final = "jobs.sqlite3"
ACTIVE: Final = frozenset({"queued", "running"})


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one daemon."""

    output: Path
    state: Path


def sets(output: Path) -> Iterator[Path]:
    """Every folder of the output tree that holds files: a set, or what is left of one."""
    for folder, folders, files in os.walk(output):
        place = Path(folder)
        if PRIVATE in folders:
            folders.remove(PRIVATE)
        if files:
            folders.clear()
            yield place


def manifest(place: Path) -> dict[str, Any]:
    """The manifest of a set; empty without a readable one."""
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads((place / "manifest.json").read_bytes())
        return found
    return {}


def torn(output: Path) -> list[str]:
    """Sets that are not exactly what their manifest says."""
    return [fault for place in sorted(sets(output)) for fault in torn_set(place)]


def mixed(output: Path) -> list[str]:
    """Replayed sets with a file that was made for another build."""
    return [fault for place in sorted(sets(output)) for fault in mixed_set(place)]


def torn_set(place: Path) -> Iterator[str]:
    """What is wrong with the files of one set."""
    said = manifest(place)
    if not said:
        yield f"{place}: no manifest"
        return
    wanted = {file["path"]: file["sha256"] for file in said["files"]}
    there = {str(path.relative_to(place)): path for path in place.rglob("*") if path.is_file()}
    if set(there) - {"manifest.json"} != set(wanted):
        yield f"{place}: files {sorted(there)}, the manifest lists {sorted(wanted)}"
    for name, path in there.items():
        if name in wanted and hashlib.sha256(path.read_bytes()).hexdigest() != wanted[name]:
            yield f"{place}: {name} is not what the manifest says"


def mixed_set(place: Path) -> Iterator[str]:
    """Which files of a replayed set are marked with another model than the manifest names."""
    digest = manifest(place).get("model_digest", "")
    for path in sorted(place.glob("*/*")):
        source = path.read_bytes().rpartition(b"\n// ")[2].decode("ascii", "replace").strip()
        if source != digest:
            yield f"{path}: of {source[:12]}, its set of {digest[:12]}"


@contextmanager
def store(state: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the job store, so that looking at it changes nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        for path in state.glob(f"{STORE}*"):
            if not path.name.endswith("-shm"):  # made anew from the log
                shutil.copyfile(path, Path(scratch, path.name))
        with closing(sqlite3.connect(Path(scratch, STORE))) as connection:
            connection.row_factory = sqlite3.Row
            yield connection


def is_made(connection: sqlite3.Connection) -> bool:
    """Whether the store has its tables; its very first start may have ended before."""
    query = "SELECT name FROM sqlite_master WHERE name = 'builds'"
    return connection.execute(query).fetchone() is not None


def lost(connection: sqlite3.Connection, trigger_ids: Iterable[str]) -> list[str]:
    """Accepted triggers that the store does not know."""
    rows = connection.execute(
        "SELECT trigger_id FROM jobs UNION SELECT id FROM triggers WHERE job_id IS NOT NULL"
    )
    known = {row[0] for row in rows}
    return [f"trigger {name} is lost" for name in sorted(set(trigger_ids) - known)]


def damaged(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the store's file."""
    (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    return [] if verdict == "ok" else [f"the store is damaged: {verdict}"]


def doubled(connection: sqlite3.Connection) -> list[str]:
    """Keys that were published more often than anybody asked for."""
    rows = connection.execute(
        "SELECT builds.path, builds.build_key, jobs.save_to, count(*) AS times"
        " FROM builds JOIN jobs ON jobs.id = builds.job_id WHERE NOT jobs.is_forced"
        " GROUP BY builds.path, builds.build_key, jobs.save_to HAVING count(*) > 1"
    )
    repeated = connection.execute(
        "SELECT job_id FROM builds GROUP BY job_id HAVING count(*) > 1"
    ).fetchall()
    wrong = [f"{row['path']}: one key was published {row['times']} times" for row in rows]
    return wrong + [f"job {row[0]} was published twice" for row in repeated]


def unkept(connection: sqlite3.Connection, output: Path) -> list[str]:
    """Jobs that the store calls published and whose place holds no set, or an older one."""
    rows = connection.execute(
        "SELECT max(id) AS id, root, path, save_to FROM jobs WHERE state = 'published'"
        " GROUP BY root, path, save_to"
    )
    wrong = []
    for row in rows:
        place = output / (row["save_to"] or f"{row['root']}/{row['path']}")
        job = manifest(place).get("job", 0)
        if job < row["id"]:
            wrong.append(f"{place}: holds job {job}, the store says {row['id']} is published")
    return wrong


def undone(connection: sqlite3.Connection) -> list[str]:
    """Jobs that have not come to a good end."""
    rows = connection.execute(
        "SELECT id, state FROM jobs WHERE state NOT IN ('published', 'unchanged', 'superseded')"
    )
    return [f"job {row['id']} is {row['state']}" for row in rows]


def left_over(places: Places) -> list[str]:
    """What a daemon that has nothing to do keeps of work that is over."""
    private = places.output / PRIVATE
    found = [*_inside(private / "staging"), *_inside(places.state / "scratch")]
    found += [path for top in (places.output, places.state) for path in top.rglob("*.tmp")]
    found += _inside(places.state / "spool" / "tmp")
    return sorted(str(path) for path in found)


def at_rest(places: Places, trigger_ids: Iterable[str] = ()) -> list[str]:
    """Everything that must hold of replayed sets while no daemon runs, whenever it ended."""
    with store(places.state) as connection:
        wrong = damaged(connection)
        if is_made(connection):
            wrong += lost(connection, trigger_ids) + doubled(connection)
            wrong += unkept(connection, places.output)
        else:
            wrong += [f"trigger {name} is lost" for name in trigger_ids]
    return wrong + torn(places.output) + mixed(places.output)


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
