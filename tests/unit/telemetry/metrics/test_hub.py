"""What fetches of Hub modules count."""

from metric_samples import value
from tflited.telemetry.metrics.exposition import Metrics


def test_hub_fetches(metrics: Metrics) -> None:
    """By how they ended."""
    metrics.hub.fetched(3.0, is_successful=True)
    metrics.hub.fetched(1.0, is_successful=False)
    name = "tflited_hub_fetch_duration_seconds_sum"
    assert value(metrics, name, result="success") == 3.0
    assert value(metrics, name, result="failure") == 1.0
