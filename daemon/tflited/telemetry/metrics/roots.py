"""Metrics of roots: what their scans and events told, and their models by phase."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from tflited.domain.status import Phase
from tflited.telemetry.metrics.declare import Declare, fill


class RootMetrics:
    """Everything that is told for each root.

    Args:
        declare: declares them.
        roots: names of the configured roots.
    """

    def __init__(self, declare: Declare, roots: Iterable[str]) -> None:
        none: tuple[str, ...] = ()
        self._available = declare.gauge("tflited_root_available", "1 while readable.", root=none)
        self._scan_at = declare.gauge(
            "tflited_scan_last_timestamp_seconds", "Last whole scan.", root=none
        )
        self._scan_models = declare.gauge(
            "tflited_scan_models", "Models the last scan saw.", root=none
        )
        self._scan_seconds = declare.histogram(
            "tflited_scan_duration_seconds", "Time for a whole scan.", root=none
        )
        self._unwatched = declare.gauge(
            "tflited_directories_unwatched", "Directories that raise no events.", root=none
        )
        self._missed = declare.counter(
            "tflited_events_missed", "Changes without an event.", root=none
        )
        self._removals = declare.gauge(
            "tflited_removals_waiting", "Sets that wait for tflited confirm.", root=none
        )
        self._models = declare.gauge("tflited_models", "Models by phase.", root=none, result=Phase)
        self._roots: frozenset[str] = frozenset()
        self.set_roots(roots)

    def set_roots(self, roots: Iterable[str]) -> None:
        """Tells which roots are configured: new ones start at zero, others leave the exposition.

        Args:
            roots: the names of all of them.
        """
        names = frozenset(roots)
        by_root = (
            self._available,
            self._scan_at,
            self._scan_models,
            self._scan_seconds,
            self._removals,
            self._unwatched,
            self._missed,
        )
        for name in self._roots - names:
            for metric in by_root:
                metric.remove(name)
            for phase in Phase:
                self._models.remove(name, phase)
        for name in names - self._roots:
            for metric in by_root:
                metric.labels(name)
            fill(self._models, [name], Phase)
        self._roots = names

    def scanned(self, root: str, *, models: int, seconds: float, now: datetime) -> None:
        """A whole root was scanned."""
        self._scan_models.labels(root).set(models)
        self._scan_seconds.labels(root).observe(seconds)
        self._scan_at.labels(root).set(now.timestamp())

    def available(self, root: str, *, is_available: bool) -> None:
        """A root can or cannot be read."""
        self._available.labels(root).set(is_available)

    def watched(self, root: str, *, unwatched: int, missed: int) -> None:
        """So many directories of a root raise no events; so many changes came without one."""
        self._unwatched.labels(root).set(unwatched)
        self._missed.labels(root).inc(missed)

    def models_changed(self, root: str, by_phase: Mapping[str, int]) -> None:
        """A root's models are in these phases now."""
        for phase in Phase:
            self._models.labels(root, phase).set(by_phase.get(phase, 0))

    def removals_waiting(self, root: str, models: int) -> None:
        """So many sets of a root wait for ``tflited confirm``."""
        self._removals.labels(root).set(models)
