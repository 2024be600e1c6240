"""A daemon with much behind it: thousands of published models and a long history of jobs.

One model is built by the daemon. The others are copies of it with inodes of their own, and copies
of its set, whose artifacts are links, under their own names, so that the daemon finds every model
published and builds none. The history is copies of the first job's row, one a minute, over them.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from folder import copy
from served import ServedDaemon
from stopwatch import wait_until
from tflited.domain.manifest import MANIFEST_NAME, REPORT_NAME
from tflited.store.queries import parse

FILES: Final = 10
RECORDS: Final = (MANIFEST_NAME, REPORT_NAME)
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
    """Copies of the first model and of its set."""
    first = daemon.root / "m00000"
    for spare in [*daemon.root.glob("latency*"), *daemon.output.glob("latency*")]:
        shutil.rmtree(spare)
    published = daemon.output / "m00000"
    records = {name: (published / name).read_text(encoding="utf-8") for name in RECORDS}
    artifacts = [path for path in published.rglob("*") if path.is_file()]
    for number in range(1, models):
        name = f"m{number:05}"
        copy(first, daemon.root / name)
        place = daemon.output / name
        for path in artifacts:
            target = place / path.relative_to(published)
            if path.name not in records:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.hardlink_to(path)
        for record, text in records.items():
            (place / record).write_text(text.replace('"m00000"', f'"{name}"'), encoding="utf-8")
