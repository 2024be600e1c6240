"""Metrics of roots: what their scans and events told, and their models by phase."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial

from tflited.domain.observation import RootObservation
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
        gauge, counter = partial(declare.gauge, root=none), partial(declare.counter, root=none)
        self._available = gauge("tflited_root_available", "1 while readable.")
        self._scan_at = gauge("tflited_scan_last_timestamp_seconds", "Last whole scan.")
        self._scan_models = gauge("tflited_scan_models", "Models the last scan saw.")
        self._scan_seconds = declare.histogram(
            "tflited_scan_duration_seconds", "Time for a whole scan.", root=none
        )
        self._unwatched = gauge(
            "tflited_directories_unwatched", "Directories that raise no events."
        )
        self._events = counter("tflited_watch_events", "Places that events named.")
        self._overflows = counter("tflited_watch_overflows", "Times that events were lost.")
        self._errors = counter("tflited_watch_errors", "Times that a watch ended or was denied.")
        self._missed = counter("tflited_events_missed", "Changes without an event.")
        self._removals = gauge("tflited_removals_waiting", "Sets that wait for tflited confirm.")
        self._oldest = gauge(
            "tflited_oldest_unbuilt_timestamp_seconds", "Oldest change that is not built."
        )
        self._models = gauge("tflited_models", "Models by phase.", result=Phase)
        self._by_root = (
            self._available,
            self._scan_at,
            self._scan_models,
            self._scan_seconds,
            self._unwatched,
            self._events,
            self._overflows,
            self._errors,
            self._missed,
            self._removals,
            self._oldest,
        )
        self._roots: frozenset[str] = frozenset()
        self.set_roots(roots)

    def set_roots(self, roots: Iterable[str]) -> None:
        """Tells which roots are configured: new ones start at zero, others leave the exposition.

        Args:
            roots: the names of all of them.
        """
        names = frozenset(roots)
        for name in self._roots - names:
            for metric in self._by_root:
                metric.remove(name)
            for phase in Phase:
                self._models.remove(name, phase)
        for name in names - self._roots:
            for metric in self._by_root:
                metric.labels(name)
            fill(self._models, [name], Phase)
        self._roots = names

    def observed(self, seen: RootObservation) -> None:
        """A root, or a part of it, was looked at, or could not be."""
        root = seen.root
        self._available.labels(root).set(seen.is_available)
        if not seen.is_available:
            return
        self._unwatched.labels(root).set(seen.unwatched)
        self._events.labels(root).inc(seen.events)
        self._overflows.labels(root).inc(seen.overflows)
        self._errors.labels(root).inc(seen.errors)
        self._missed.labels(root).inc(seen.missed)
        if not seen.scope:
            self._scan_models.labels(root).set(seen.models)
            self._scan_seconds.labels(root).observe(seen.seconds)
            self._scan_at.labels(root).set(seen.at.timestamp())

    def models_changed(
        self, root: str, by_phase: Mapping[str, int], oldest_unbuilt: datetime | None
    ) -> None:
        """A root's models are in these phases now, and its oldest change not built is so old."""
        for phase in Phase:
            self._models.labels(root, phase).set(by_phase.get(phase, 0))
        self._oldest.labels(root).set(oldest_unbuilt.timestamp() if oldest_unbuilt else 0)

    def removals_waiting(self, root: str, models: int) -> None:
        """So many sets of a root wait for ``tflited confirm``."""
        self._removals.labels(root).set(models)
