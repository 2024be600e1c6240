"""The engine's memory of every model: last observation, decision and status."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from tflited.domain.model import ModelId, is_below
from tflited.domain.observation import Observation, RootObservation
from tflited.domain.ports import Root
from tflited.domain.status import UNBUILT, ModelStatus, Phase, RootStatus
from tflited.engine.decide import Decision


@dataclass(slots=True)
class Entry:
    """One model.

    Attributes:
        observation: as it was last seen.
        decision: what is to be done with it; None before the first one.
        since: when it entered its phase.
        unbuilt_since: when the change was seen that is not built yet; None where none is.
    """

    observation: Observation
    decision: Decision | None = None
    since: datetime | None = None
    unbuilt_since: datetime | None = None

    def take(self, decision: Decision, now: datetime) -> bool:
        """Takes a decision; returns whether its phase or its reason are new."""
        before, self.decision = self.decision, decision
        if decision.phase not in UNBUILT:
            self.unbuilt_since = None
        elif self.unbuilt_since is None:
            self.unbuilt_since = now
        if before and (before.phase, before.reason) == (decision.phase, decision.reason):
            return False
        self.since = now
        return True

    @property
    def phase(self) -> Phase:
        """Where the model stands."""
        return self.decision.phase if self.decision else Phase.CHECKING

    @property
    def has_data(self) -> bool:
        """Whether its policy names files beside the model."""
        resolved = self.decision.resolved if self.decision else None
        return resolved is not None and bool(
            resolved.policy.calibration
            or resolved.policy.evaluation.data
            or resolved.policy.custom_objects
        )

    def status(self) -> ModelStatus:
        """The model as the status shows it."""
        seen, decision = self.observation, self.decision
        return ModelStatus(
            model=seen.model,
            kind=seen.snapshot.kind,
            phase=self.phase,
            reason=decision.reason if decision else "seen, not looked into yet",
            hint=decision.hint if decision else "",
            since=self.since or seen.at,
            until=_until(seen, decision),
            job_id=decision.job.id if decision and decision.job else None,
        )


@dataclass(slots=True)
class RootEntry:
    """One root: what it is, its last observations, and its folder policies by path."""

    root: Root
    is_available: bool = True
    reason: str = ""
    last_scan_at: datetime | None = None
    policies: dict[str, object] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    polled: Mapping[str, str] = field(default_factory=dict)
    unwatched: int = 0

    def polled_because(self, path: str) -> str:
        """Why events do not cover a path below the root; "" where they do."""
        reasons = (reason for part, reason in self.polled.items() if is_below(path, part))
        return next(reasons, "")

    @property
    def has_answered(self) -> bool:
        """Whether the first scan is over, well or badly."""
        return self.last_scan_at is not None or not self.is_available

    def status(
        self, name: str, models: Mapping[Phase, int], *, removals_waiting: int = 0
    ) -> RootStatus:
        """The root as the status shows it, with its models counted by phase."""
        return RootStatus(
            name=name,
            path=str(self.root.path),
            is_available=self.is_available,
            reason=self.reason,
            last_scan_at=self.last_scan_at,
            removals_waiting=removals_waiting,
            polled=self.polled,
            unwatched=self.unwatched,
            models=models,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Every model as it stood at one moment.

    Attributes:
        looks: of the event feed at that moment.
        size: how many models there were.
        entries: each with its phase then, by root and path.
        phases: how many models of a root were in a phase.
    """

    looks: int
    size: int
    entries: tuple[tuple[ModelId, Entry, Phase], ...]
    phases: Counter[tuple[str, Phase]]


@dataclass(slots=True)
class Models:
    """Every root and model; belongs to the engine's thread."""

    roots: dict[str, RootEntry]
    entries: dict[ModelId, Entry] = field(default_factory=dict)
    versions: dict[tuple[str, str], set[ModelId]] = field(default_factory=dict)
    """Root and folder to the numbered models in it; some of them may be gone."""
    glanced: Glance | None = None
    """The last glance; replaced as a whole, by whatever thread took it."""

    def put(self, entry: Entry) -> Entry:
        """Takes a model in, or gives what is known of it already."""
        model = entry.observation.model
        if model.version is not None and model not in self.entries:
            folder = str(PurePosixPath(model.path).parent)
            self.versions.setdefault((model.root, folder), set()).add(model)
        return self.entries.setdefault(model, entry)

    def glance(self, looks: int) -> Glance:
        """Every model as of now, for any thread; made anew when a model stands elsewhere.

        Copying a ``dict`` whose keys are known is one step of the interpreter, so that no other
        thread can come between.

        Args:
            looks: of the event feed; grows with every change of a phase.
        """
        known, size = self.glanced, len(self.entries)
        if known is not None and (known.looks, known.size) == (looks, size):
            return known
        found = sorted(self.entries.copy().items(), key=lambda pair: (pair[0].root, pair[0].path))
        entries = tuple((model, entry, entry.phase) for model, entry in found)
        phases = Counter((model.root, phase) for model, _, phase in entries)
        self.glanced = Glance(looks=looks, size=size, entries=entries, phases=phases)
        return self.glanced

    def of_root(self, root: str) -> Iterator[Entry]:
        """The models of one root."""
        return (entry for entry in self.entries.values() if entry.observation.model.root == root)

    def take_root(self, seen: RootObservation) -> bool:
        """Takes in a look at a root; returns whether any folder policy in it changed."""
        state = self.roots[seen.root]
        state.is_available, state.reason = seen.is_available, seen.reason
        if not seen.is_available:
            return False
        state.polled, state.unwatched = seen.polled, seen.unwatched
        if not seen.scope:
            state.last_scan_at = seen.at
        prefix = f"{seen.scope}/" if seen.scope else ""
        outside = {p: i for p, i in state.policies.items() if not p.startswith(prefix)}
        quiet = {p: r for p, r in state.trouble.items() if not p.startswith(prefix)}
        before, state.policies = state.policies, {**outside, **seen.policies}
        state.trouble = {**quiet, **seen.trouble}
        return before != state.policies

    def root_statuses(self) -> tuple[RootStatus, ...]:
        """Every root with its models counted by phase."""
        return tuple(state.status(name, self.phases(name)) for name, state in self.roots.items())

    def phases(self, root: str) -> Mapping[Phase, int]:
        """How many models of a root are in each phase."""
        counted = Counter(entry.phase for entry in self.of_root(root))
        return {phase: counted.get(phase, 0) for phase in Phase}

    def oldest_unbuilt(self, root: str) -> datetime | None:
        """When the oldest change of a root was seen that is not built yet."""
        times = (entry.unbuilt_since for entry in self.of_root(root))
        return min((time for time in times if time is not None), default=None)


def _until(seen: Observation, decision: Decision | None) -> datetime | None:
    if decision is None:
        return None
    return seen.until if decision.phase is Phase.SETTLING else decision.until
