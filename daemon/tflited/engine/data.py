"""Watches data and policies' modules like models: found, settled, digested."""

import glob
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tflited.domain.build_key import combine
from tflited.domain.model import Digest
from tflited.domain.policy import Policy
from tflited.domain.ports import Clock, DataFile, Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class DataView:
    """The data of one policy now.

    Attributes:
        calibration: files, sorted.
        evaluation: files, sorted.
        custom_objects: the policy's Python module; nothing where it is not there.
        custom_objects_digest: of the module alone.
        digest: of everything; None while they change.
        waits_for: which pattern changes; empty when none does.
    """

    calibration: tuple[Path, ...] = ()
    evaluation: tuple[Path, ...] = ()
    custom_objects: tuple[Path, ...] = ()
    custom_objects_digest: Digest | None = None
    digest: Digest | None = None
    waits_for: str = ""


@dataclass(slots=True)
class _Pattern:
    files: tuple[DataFile, ...]
    changed_at: float
    digest: Digest | None = None


@dataclass(slots=True)
class DataWatch:
    """Looks at data by pattern; belongs to the engine's thread.

    Attributes:
        sources: finds and digests.
        clock: time.
        settle_seconds: quiet time before data is used.
    """

    sources: Sources
    clock: Clock
    settle_seconds: float
    _patterns: dict[str, _Pattern] = field(default_factory=dict)
    _fresh: set[str] = field(default_factory=set)

    def refresh(self) -> None:
        """Lets every pattern be looked up again, once; forgets unsettled ones nobody asks for."""
        for pattern in [p for p, state in self._patterns.items() if state.digest is None]:
            if pattern not in self._fresh:
                del self._patterns[pattern]
        self._fresh.clear()

    def view(self, policy: Policy) -> DataView:
        """The data that a policy names."""
        calibration = policy.calibration.data if policy.calibration else None
        evaluation = policy.evaluation.data
        module = glob.escape(policy.custom_objects)
        known: Mapping[str, _Pattern] = {
            pattern: self._look(pattern) for pattern in (calibration, evaluation, module) if pattern
        }
        for pattern, state in known.items():
            if state.digest is None:
                return DataView(waits_for=pattern)
        return DataView(
            calibration=_paths(known.get(calibration or "")),
            evaluation=_paths(known.get(evaluation or "")),
            custom_objects=_paths(known.get(module)),
            custom_objects_digest=known[module].digest if module else None,
            digest=combine(*(str(state.digest) for state in known.values())),
        )

    def next_due(self) -> float | None:
        """Monotonic seconds at which data that changed has settled; None when all has."""
        waits = [
            state.changed_at + self.settle_seconds
            for state in self._patterns.values()
            if state.digest is None
        ]
        return min(waits, default=None)

    def _look(self, pattern: str) -> _Pattern:
        state = self._patterns.get(pattern)
        now = self.clock.monotonic()
        is_due = state is not None and state.digest is None and self._is_quiet(state, now)
        if state is not None and pattern in self._fresh and not is_due:
            return state
        self._fresh.add(pattern)
        files = self.sources.find_data(pattern)
        if state is None or state.files != files:
            state = self._patterns[pattern] = _Pattern(files, now)
        if state.digest is None and (not files or self._is_quiet(state, now)):
            state.digest = self.sources.digest_data(files)
        return state

    def _is_quiet(self, state: _Pattern, now: float) -> bool:
        return now >= state.changed_at + self.settle_seconds


def _paths(state: _Pattern | None) -> tuple[Path, ...]:
    return tuple(entry.path for entry in state.files) if state else ()
