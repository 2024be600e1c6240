"""What the daemon tells of itself: versions, readiness, room, reloads, the broker."""

from datetime import UTC, datetime, timedelta

from metric_samples import value
from tflited.telemetry.metrics.exposition import Metrics

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_build_info_names_the_toolchain(metrics: Metrics) -> None:
    """The versions are labels of a series that is 1."""
    labels = {"version": "1.2.3", "tensorflow_version": "2.21"}

    assert value(metrics, "tflited_build_info", **labels) == 1


def test_the_daemon_tells_its_state(metrics: Metrics) -> None:
    """Readiness and draining are set; room and stores set aside are asked at each exposition."""
    assert value(metrics, "tflited_draining") == 0
    metrics.daemon.set_ready(is_ready=True)
    metrics.daemon.set_draining()
    metrics.daemon.show_free(output=lambda: 10**12, state=lambda: 10**9)
    metrics.daemon.show_stores_set_aside(lambda: 2)

    assert value(metrics, "tflited_ready") == 1
    assert value(metrics, "tflited_draining") == 1
    assert value(metrics, "tflited_output_free_bytes") == 10**12
    assert value(metrics, "tflited_state_free_bytes") == 10**9
    assert value(metrics, "tflited_stores_set_aside") == 2


def test_a_failed_reload_keeps_the_time_of_the_good_one(metrics: Metrics) -> None:
    """An alert can tell that the newest configuration is not in force, and since when."""
    metrics.reloaded(is_successful=True, now=NOW)
    metrics.reloaded(is_successful=False, now=NOW + timedelta(days=1))

    assert value(metrics, "tflited_config_last_reload_successful") == 0
    at = value(metrics, "tflited_config_last_reload_success_timestamp_seconds")
    assert at == NOW.timestamp()
    assert value(metrics, "tflited_config_reloads_total", result="failure") == 1


def test_the_broker_comes_and_goes(metrics: Metrics) -> None:
    """0 before the first connection, which is also what no broker means."""
    assert value(metrics, "tflited_broker_connected") == 0
    metrics.daemon.broker_connected(is_connected=True)
    assert value(metrics, "tflited_broker_connected") == 1
    metrics.daemon.broker_connected(is_connected=False)
    assert value(metrics, "tflited_broker_connected") == 0
