"""What is told for each root, and that a reload changes which those are."""

from datetime import UTC, datetime

from metric_samples import value
from tflited.domain.status import Phase
from tflited.telemetry.metrics.exposition import Metrics

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_scans_and_events_reach_their_root(metrics: Metrics) -> None:
    """A scan, a look at the events, and availability are gauges and counters of one root."""
    metrics.scanned("zoo", models=4, seconds=0.5, now=NOW)
    metrics.watched("zoo", unwatched=3, missed=2)
    metrics.root_available("zoo", is_available=True)

    assert value(metrics, "tflited_scan_models", root="zoo") == 4
    assert value(metrics, "tflited_scan_last_timestamp_seconds", root="zoo") == NOW.timestamp()
    assert value(metrics, "tflited_root_available", root="zoo") == 1
    assert value(metrics, "tflited_directories_unwatched", root="zoo") == 3
    assert value(metrics, "tflited_events_missed_total", root="zoo") == 2


def test_phases_follow_the_last_count(metrics: Metrics) -> None:
    """Phases that a newer count does not mention fall back to zero."""
    metrics.models_changed("zoo", {Phase.QUEUED: 3})
    assert value(metrics, "tflited_models", root="zoo", result="queued") == 3

    metrics.models_changed("zoo", {Phase.PUBLISHED: 3})
    assert value(metrics, "tflited_models", root="zoo", result="queued") == 0


def test_a_reload_changes_the_roots(metrics: Metrics) -> None:
    """A new root starts at zero; one that is gone no longer shows its last state for ever."""
    metrics.root_available("zoo", is_available=True)
    metrics.models_changed("zoo", {Phase.PUBLISHED: 4})
    metrics.roots.set_roots(["annex"])

    exposition = metrics.render("")[0].decode()
    assert 'root="zoo"' not in exposition
    assert value(metrics, "tflited_root_available", root="annex") == 0
    assert value(metrics, "tflited_models", root="annex", result="published") == 0
    assert value(metrics, "tflited_scan_duration_seconds_count", root="annex") == 0


def test_a_root_that_stays_keeps_its_state(metrics: Metrics) -> None:
    """Only what the reload changed changes."""
    metrics.models_changed("zoo", {Phase.PUBLISHED: 4})
    metrics.roots.set_roots(["zoo", "annex"])

    assert value(metrics, "tflited_models", root="zoo", result="published") == 4


def test_removals_that_wait_are_a_gauge_of_their_root(metrics: Metrics) -> None:
    """It goes up and back to zero, and leaves with its root."""
    assert value(metrics, "tflited_removals_waiting", root="zoo") == 0
    metrics.removals_waiting("zoo", 12)
    assert value(metrics, "tflited_removals_waiting", root="zoo") == 12
    metrics.removals_waiting("zoo", 0)
    assert value(metrics, "tflited_removals_waiting", root="zoo") == 0
    metrics.roots.set_roots([])
    assert value(metrics, "tflited_removals_waiting", root="zoo") is None
