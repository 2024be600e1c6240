"""Answers questions from what the engine knows: status, plan, and why a path is as it is."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from tflited.domain.job import ACTIVE, Job, JobState
from tflited.domain.manifest import Manifest
from tflited.domain.model import ModelId, kind_of_file
from tflited.domain.policy import FOLDER_POLICY_NAME, OnSourceRemoved
from tflited.domain.ports import JobStore, Publisher
from tflited.domain.sandbox import SandboxDemand
from tflited.domain.status import (
    Action,
    Explanation,
    HealthCheck,
    Phase,
    PlanEntry,
    Status,
    are_ready,
)
from tflited.engine.changes import changes_of
from tflited.engine.engine import Engine
from tflited.engine.locate import Place, owner, places
from tflited.engine.models import Entry, Models
from tflited.engine.removal import Removals
from tflited.errors import OutputError

_LEAVING: dict[OnSourceRemoved | None, Action] = {
    OnSourceRemoved.ARCHIVE: Action.ARCHIVE,
    OnSourceRemoved.REMOVE: Action.REMOVE,
}
_UNSANDBOXED = 'Its code runs outside the sandbox: its [[root]] has sandbox = "off".'


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """Reads the engine's memory; used by the engine's thread."""

    models: Models
    store: JobStore
    publisher: Publisher
    removals: Removals

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Answers from the memory of an engine."""
        parts = engine.parts
        return cls(
            models=engine.models,
            store=parts.store,
            publisher=parts.publisher,
            removals=parts.removals,
        )

    def plan(self) -> tuple[PlanEntry, ...]:
        """What would be done with every model, and with the sets of those that are gone."""
        entries = [
            PlanEntry(
                model=model,
                action=_action(entry),
                reason=entry.status().reason,
                changes=changes_of(entry, self.publisher),
            )
            for model, entry in self.models.entries.items()
        ]
        leaving = [
            PlanEntry(model=gone.model, action=_LEAVING[gone.rule], reason=gone.reason)
            for gone in self.removals.of()
            if gone.rule in _LEAVING
        ]
        return tuple(sorted([*entries, *leaving], key=lambda entry: entry.model))

    def why(self, path: str) -> Explanation:
        """What a path is, and why something is or is not done about it."""
        candidates = places(path, (state.root for state in self.models.roots.values()))
        if not candidates:
            roots = ", ".join(str(state.root.path) for state in self.models.roots.values())
            return Explanation(
                path=path,
                subject="outside the roots",
                summary=f"Nothing is done about it: the roots are {roots}.",
                hint="copy the model below a root, or add a [[root]] to the configuration",
            )
        for place in candidates:
            model = owner(place, self.models.entries)
            if model is not None:
                return self._model(path, place, model)
        for place in candidates:
            gone = owner(place, [gone.model for gone in self.removals.of(place.root.name)])
            if gone is not None:
                return self._gone(path, gone)
        return self._no_model(path, candidates)

    def _model(self, path: str, place: Place, model: ModelId) -> Explanation:
        entry = self.models.entries[model]
        status = entry.status()
        job = self._job(model)
        resolved = entry.decision.resolved if entry.decision else None
        subject = "model" if model.path == place.path else "part of a model"
        summary = f"{model} is {status.phase}: {status.reason}"
        if place.root.sandbox is SandboxDemand.OFF:
            summary = f"{summary.removesuffix('.')}. {_UNSANDBOXED}"
        return Explanation(
            path=path,
            subject=subject,
            summary=summary if summary.endswith((".", "?")) else f"{summary}.",
            hint=status.hint,
            model=status,
            policy_name=resolved.name if resolved else "",
            origins=dict(resolved.origins) if resolved else {},
            job=job,
            next_retry=_next_retry(job),
            manifest=self._manifest(model),
            output=self._output(model),
            last_build=next(iter(self.store.builds(model, limit=1)), None),
        )

    def _gone(self, path: str, model: ModelId) -> Explanation:
        gone = self.removals.find(model)
        needs_person = gone is not None and gone.needs_person
        reason = gone.reason if gone is not None else ""
        return Explanation(
            path=path,
            subject="removed model",
            summary=f"{model} is no longer in its root; {reason}.",
            hint=f"tflited confirm {model.root}, or bring the models back" if needs_person else "",
            job=self._job(model),
            manifest=self._manifest(model),
            output=self._output(model),
        )

    def _job(self, model: ModelId) -> Job | None:
        """The newest job that has work before it, else the newest of all."""
        jobs = self.store.jobs(model=model)
        return next((job for job in jobs if job.state in ACTIVE), next(iter(jobs), None))

    def _manifest(self, model: ModelId) -> Manifest | None:
        try:
            return self.publisher.manifest(model)
        except OutputError:
            return None

    def _output(self, model: ModelId) -> str:
        try:
            return str(self.publisher.directory(model))
        except OutputError:  # a name that the output tree cannot carry; its refusal says so
            return ""

    def _no_model(self, path: str, candidates: tuple[Place, ...]) -> Explanation:
        for place in candidates:
            state = self.models.roots[place.root.name]
            where = place.root.path / place.path
            if not state.is_available:
                return Explanation(
                    path=path,
                    subject="root",
                    summary=f"Root {place.root.name} cannot be read: {state.reason}.",
                    hint="make it available; what is published stays",
                )
            trouble = state.trouble.get(place.path)
            if trouble is not None:
                return Explanation(path=path, subject="ignored", summary=f"{where}: {trouble}.")
            users = self._users(where)
            if users:
                return _data(path, users)
            if where.exists():
                return _known_path(path, place, where, state.polled_because(place.path))
        return Explanation(
            path=path,
            subject="not there",
            summary="There is nothing at that path in any root.",
            hint="check the spelling; paths are absolute, ROOT/PATH or PATH below a root",
        )

    def _users(self, where: Path) -> list[ModelId]:
        """The models whose calibration or evaluation data a file belongs to."""
        return sorted(
            model
            for model, entry in self.models.entries.items()
            if entry.decision is not None
            and (data := entry.decision.data) is not None
            and where in {*data.calibration, *data.evaluation}
        )


def _data(path: str, users: list[ModelId]) -> Explanation:
    more = f" and {len(users) - 1} more" if users[1:] else ""
    return Explanation(
        path=path,
        subject="data",
        summary=f"Calibration or evaluation data of {users[0]}{more}; a change builds them anew.",
    )


def _known_path(path: str, place: Place, where: Path, polled: str) -> Explanation:
    if where.name == FOLDER_POLICY_NAME:
        return Explanation(
            path=path,
            subject="policy file",
            summary=f"It holds for every model below {where.parent}.",
            hint="tflited config explain MODEL shows the policy in force",
        )
    if where.is_dir():
        subject = "folder" if place.path else "root"
        return Explanation(
            path=path,
            subject=subject,
            summary="A folder that is searched for models."
            + (f" It is looked at every few seconds: {polled}." if polled else ""),
        )
    announced = "" if kind_of_file(where.name) is None else " It has not been seen by a scan yet."
    return Explanation(
        path=path,
        subject="ignored",
        summary="No model: a model is a SavedModel directory, .keras, .h5, .hdf5 or .hub.toml."
        f"{announced}",
    )


def _action(entry: Entry) -> Action:
    decision = entry.decision
    if decision is None:
        return Action.WAIT
    if decision.action is Action.WAIT:
        return Action.WAIT
    waits = decision.phase in {Phase.QUEUED, Phase.BUILDING}
    return Action.BUILD if waits else decision.action


def _next_retry(job: Job | None) -> datetime | None:
    return job.not_before if job is not None and job.state is JobState.QUEUED else None


def status_of(
    engine: Engine, *, version: str, started_at: datetime, checks: tuple[HealthCheck, ...]
) -> Status:
    """The whole daemon now; called on the engine's thread."""
    return Status(
        version=version,
        started_at=started_at,
        is_ready=are_ready(checks),
        is_draining=engine.is_draining,
        slots=engine.slots.count,
        roots=tuple(
            replace(root, removals_waiting=engine.parts.removals.waiting(root.name))
            for root in engine.models.root_statuses()
        ),
        models=tuple(entry.status() for _, entry in sorted(engine.models.entries.items())),
        running=engine.slots.running(),
        counts=engine.parts.store.counts(),
        checks=checks,
    )
