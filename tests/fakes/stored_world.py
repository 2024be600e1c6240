"""The engine of ``fakes.engine`` over a real job store, with models that are admitted already."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from fakes.engine import World, an_observation
from fakes.samples import MODEL
from fakes.store import MemoryStore
from tflited.domain.build_key import combine
from tflited.domain.model import ModelId
from tflited.engine.engine import Parts
from tflited.store.queue import SqliteStore


class StoredWorld(World):
    """One engine whose jobs are in SQLite, as durable as the daemon's.

    Args:
        folder: gets ``jobs.sqlite3`` and the root; may hold the store of a world before it.
        models: how many models there are: ``m0``, ``m1`` and so on.
    """

    def __init__(self, folder: Path, models: int = 1) -> None:
        self.folder = folder
        super().__init__(folder)
        self.paths = [f"m{number}" for number in range(models)]

    def see_all(self) -> None:
        """Tells of every model, admitted."""
        self.scan()
        for path in self.paths:
            model = ModelId(root=MODEL.root, path=path)
            self.engine.post(an_observation(model=model, digest=combine("model", path)))
        self.step()

    @property
    def stored(self) -> SqliteStore:
        """The real store."""
        return cast("SqliteStore", self.store)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Sees the models and drives the engine meanwhile; then everything is closed."""
        self.see_all()
        try:
            with self.serving():
                yield
        finally:
            self.close()
            self.stored.close()

    def _parts(self) -> Parts:
        self.store = cast("MemoryStore", SqliteStore(self.folder / "jobs.sqlite3"))
        self.stored.recover()
        return super()._parts()


def a_document(path: str = "m0", **changes: Any) -> bytes:
    """A trigger document for one of the models."""
    return json.dumps({"version": 1, "model": {"path": path}, **changes}).encode()
