"""What the tests of all metrics share."""

import pytest

from metric_samples import fresh_metrics
from tflited.telemetry.metrics.exposition import Metrics


@pytest.fixture
def metrics() -> Metrics:
    """A registry of its own for each test."""
    return fresh_metrics()
