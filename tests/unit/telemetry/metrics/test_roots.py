"""What is told for each root, and that a reload changes which those are."""

from dataclasses import replace
from datetime import UTC, datetime

from metric_samples import value
from tflited.domain.observation import RootObservation
from tflited.domain.status import Phase
from tflited.telemetry.metrics.exposition import Metrics

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


NOON = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEEN = RootObservation(root="zoo", scope="", is_available=True, at=NOON)


def root(metrics: Metrics, name: str) -> float | None:
    """A sample of the root."""
    return value(metrics, name, root="zoo")


def test_a_whole_scan_tells_its_time_and_its_models(metrics: Metrics) -> None:
    """A look at a part of the root is no scan, whatever it took."""
    metrics.root_observed(replace(SEEN, models=4, seconds=0.5))
    metrics.root_observed(replace(SEEN, models=9, seconds=9.0, scope="annex"))

    assert root(metrics, "tflited_root_available") == 1
    assert root(metrics, "tflited_scan_models") == 4
    assert root(metrics, "tflited_scan_duration_seconds_sum") == 0.5
    assert root(metrics, "tflited_scan_last_timestamp_seconds") == NOON.timestamp()


def test_what_a_watch_heard_adds_up(metrics: Metrics) -> None:
    """Every look tells what came since the last one; the directories without events are a state."""
    for _ in range(2):
        heard = replace(SEEN, scope="a", events=5, overflows=1, errors=3, missed=2, unwatched=7)
        metrics.root_observed(heard)

    assert root(metrics, "tflited_watch_events_total") == 10
    assert root(metrics, "tflited_watch_overflows_total") == 2
    assert root(metrics, "tflited_watch_errors_total") == 6
    assert root(metrics, "tflited_events_missed_total") == 4
    assert root(metrics, "tflited_directories_unwatched") == 7


def test_an_outage_keeps_the_last_scan(metrics: Metrics) -> None:
    """What is not known is not told as zero."""
    metrics.root_observed(replace(SEEN, models=4))
    metrics.root_observed(replace(SEEN, is_available=False))

    assert root(metrics, "tflited_root_available") == 0
    assert root(metrics, "tflited_scan_models") == 4


def test_phases_follow_the_last_count(metrics: Metrics) -> None:
    """Phases that a newer count does not mention fall back to zero."""
    metrics.models_changed("zoo", {Phase.QUEUED: 3}, NOON)
    assert value(metrics, "tflited_models", root="zoo", result="queued") == 3
    assert root(metrics, "tflited_oldest_unbuilt_timestamp_seconds") == NOON.timestamp()

    metrics.models_changed("zoo", {Phase.PUBLISHED: 3}, None)
    assert value(metrics, "tflited_models", root="zoo", result="queued") == 0
    assert root(metrics, "tflited_oldest_unbuilt_timestamp_seconds") == 0


def test_a_reload_changes_the_roots(metrics: Metrics) -> None:
    """A new root starts at zero; one that is gone no longer shows its last state for ever."""
    metrics.root_observed(SEEN)
    metrics.models_changed("zoo", {Phase.PUBLISHED: 4}, None)
    metrics.roots.set_roots(["annex"])

    exposition = metrics.render("")[0].decode()
    assert 'root="zoo"' not in exposition
    assert value(metrics, "tflited_root_available", root="annex") == 0
    assert value(metrics, "tflited_models", root="annex", result="published") == 0
    assert value(metrics, "tflited_scan_duration_seconds_count", root="annex") == 0


def test_a_root_that_stays_keeps_its_state(metrics: Metrics) -> None:
    """Only what the reload changed changes."""
    metrics.models_changed("zoo", {Phase.PUBLISHED: 4}, None)
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
