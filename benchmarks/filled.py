"""A daemon with much behind it: thousands of published models and a long history of jobs.

One model is built by the daemon. The others are copies of it with inodes of their own, and copies
of its set's records under their own names, whose files have the right sizes and no content, so that
the daemon finds every model published and builds none. The history is copies of the first job's
row, one a minute, over all models.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from folder import copy
from served import ServedDaemon
from stopwatch import wait_until
from tflited.store.queries import parse

FILES: Final = 10
MANIFEST: Final = "manifest.json"
BUILD_SECONDS: Final = 180.0
_STATEMENTS: Final = parse(Path(__file__).with_name("filled.sql").read_text(encoding="utf-8"))


def filled(model: Path, folder: Path, *, models: int, jobs: int) -> ServedDaemon:
    """A daemon that does not run yet, with its folders filled.

    Args:
        model: a small SavedModel.
        folder: a directory to work in.
        models: how many published models it finds.
        jobs: how many jobs its store holds that have ended.

    Raises:
        BenchmarkError: the first model was not built in time.
    """
    daemon = ServedDaemon(folder)
    fill(model, daemon.root / "m00000")
    with daemon.running():
        wait_until(lambda: daemon.metric("tflited_sets_published_total"), BUILD_SECONDS, "set")
    multiply(daemon, models)
    add_history(daemon.store, models, jobs)
    return daemon


def add_history(store: Path, models: int, jobs: int) -> None:
    """Fills a store that holds one published job up to so many; nobody has it open."""
    with closing(sqlite3.connect(store)) as connection, connection:
        present = connection.execute(_STATEMENTS["count"]).fetchone()[0]
        connection.execute(_STATEMENTS["jobs"], {"models": models, "jobs": jobs - present})
        connection.execute(_STATEMENTS["builds"])


def fill(model: Path, folder: Path) -> None:
    """A copy of the model, filled up with assets to ten files."""
    copy(model, folder)
    (folder / "assets").mkdir(exist_ok=True)
    for number in range(FILES - sum(path.is_file() for path in folder.rglob("*"))):
        (folder / "assets" / f"{number}.txt").write_text(str(number), encoding="ascii")


def multiply(daemon: ServedDaemon, models: int) -> None:
    """Copies of the first model and of its set, whose artifacts take no room."""
    first = daemon.root / "m00000"
    for spare in [*daemon.root.glob("latency*"), *daemon.output.glob("latency*")]:
        shutil.rmtree(spare)
    published = daemon.output / "m00000"
    records = {
        file.name: file.read_text(encoding="utf-8")
        for file in (published / "manifest.json", published / "report.json")
    }
    files = {entry["path"]: entry["size_bytes"] for entry in json.loads(records[MANIFEST])["files"]}
    for number in range(1, models):
        name = f"m{number:05}"
        copy(first, daemon.root / name)
        place = daemon.output / name
        for path, size in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            with (place / path).open("wb") as stream:
                stream.truncate(size)
        for record, text in records.items():
            written = text.replace('"m00000"', f'"{name}"')
            (place / record).write_text(written, encoding="utf-8")
