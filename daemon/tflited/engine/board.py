"""What people look at, read from the engine's memory and the store by whatever thread asks.

Nothing here waits for the engine. A glance copies the table of models and is taken anew once one of
them stands elsewhere; an entry's parts are replaced as a whole and never changed. So a page may be
a moment old and is never torn.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tflited.domain.board import Board, ModelList, ModelQuery, ModelView, PastBuild
from tflited.domain.events import EventFeed
from tflited.domain.job import ACTIVE, Job
from tflited.domain.model import ModelId
from tflited.domain.publication import PublishedRecords
from tflited.domain.status import HealthCheck, Phase, RootStatus, are_ready
from tflited.engine.engine import Engine
from tflited.engine.models import Entry, Glance
from tflited.errors import OutputError

BUILDS: Final = 20
"""So many of a model's builds are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Looks at an engine; for any thread.

    Attributes:
        engine: whose memory is read.
        feed: tells when a model stands elsewhere.
        version: of the program.
        started_at: of the daemon, aware UTC.
        free_bytes: what is stored there to what tells its room; NaN where unknown.
    """

    engine: Engine
    feed: EventFeed
    version: str
    started_at: datetime
    free_bytes: Mapping[str, Callable[[], float]]

    def board(self, checks: Sequence[HealthCheck]) -> Board:
        """The daemon now in figures."""
        engine = self.engine
        return Board(
            version=self.version,
            started_at=self.started_at,
            is_ready=are_ready(checks),
            is_draining=engine.is_draining,
            slots=engine.slots.count,
            roots=self._roots(),
            running=engine.slots.running(),
            counts=engine.parts.store.counts(),
            checks=tuple(checks),
            free_bytes={name: tell() for name, tell in self.free_bytes.items()},
        )

    def models(self, query: ModelQuery) -> ModelList:
        """A part of the models."""
        wanted = query.text.casefold()
        everything = self._glance().entries
        found = [
            (entry, phase)
            for model, entry, phase in everything
            if (not query.root or model.root == query.root)
            and (not wanted or wanted in str(model).casefold())
        ]
        phases = Counter(phase for _, phase in found)
        if query.phases:
            found = [(entry, phase) for entry, phase in found if phase in query.phases]
        if query.is_newest_first:
            found.sort(key=lambda pair: _since(pair[0]), reverse=True)
        part = found[query.offset : query.offset + query.limit]
        return ModelList(
            models=tuple(entry.status() for entry, _ in part),
            total=len(found),
            phases={phase: phases.get(phase, 0) for phase in Phase},
        )

    def model(self, name: str, save_to: str | None) -> ModelView | None:
        """One model by ``ROOT/PATH``; None where nothing is known of it."""
        candidates = _candidates(name, list(self.engine.models.roots))
        views = (self._view(model, save_to) for model in candidates)
        return next((view for view in views if view is not None), None)

    def _view(self, model: ModelId, save_to: str | None) -> ModelView | None:
        store = self.engine.parts.store
        entry = self.engine.models.entries.get(model)
        jobs = store.jobs(model=model, limit=BUILDS)
        records = self._records(model, save_to)
        if entry is None and not jobs and records is None:
            return None
        builds = store.builds(model, limit=BUILDS)
        return ModelView(
            model=model,
            save_to=save_to,
            status=None if entry is None else entry.status(),
            job=_present(jobs),
            builds=tuple(PastBuild(build=each, job=store.job(each.job_id)) for each in builds),
            records=records,
        )

    def _records(self, model: ModelId, save_to: str | None) -> PublishedRecords | None:
        try:
            records = self.engine.parts.publisher.records(model, save_to)
        except OutputError:  # no such name can have a set
            return None
        if records is None or (records.report.root, records.report.path) != (
            model.root,
            model.path,
        ):
            return None
        return records

    def _glance(self) -> Glance:
        return self.engine.models.glance(self.feed.looks())

    def _roots(self) -> tuple[RootStatus, ...]:
        models, removals = self.engine.models, self.engine.parts.removals
        counted = self._glance().phases
        return tuple(
            state.status(
                name,
                {phase: counted.get((name, phase), 0) for phase in Phase},
                removals_waiting=removals.waiting(name),
            )
            for name, state in list(models.roots.items())
        )


def _since(entry: Entry) -> datetime:
    return entry.since or entry.observation.at


def _candidates(name: str, roots: Sequence[str]) -> list[ModelId]:
    """Every model that a name may mean: a root's name may hold a slash as well as a path."""
    return [
        ModelId(root=root, path=name[len(root) + 1 :])
        for root in roots
        if name == root or name.startswith(f"{root}/")
    ]


def _present(jobs: Sequence[Job]) -> Job | None:
    """The newest job that has work before it, else the newest of all."""
    return next((job for job in jobs if job.state in ACTIVE), next(iter(jobs), None))
