"""What the metrics say of a cluster."""

from metric_samples import value
from tflited.domain.cluster import ClusterState
from tflited.telemetry.metrics.exposition import Metrics


def test_the_cluster_as_last_seen(metrics: Metrics) -> None:
    """Zero without one, and again when it is lost."""
    assert value(metrics, "tflited_cluster_connected") == 0
    metrics.cluster.changed(ClusterState(is_connected=True, accepted=2, refused=1, slots=8))
    assert value(metrics, "tflited_cluster_connected") == 1
    assert value(metrics, "tflited_cluster_workers", result="accepted") == 2
    assert value(metrics, "tflited_cluster_workers", result="refused") == 1
    assert value(metrics, "tflited_cluster_slots") == 8
    metrics.cluster.changed(ClusterState())
    assert value(metrics, "tflited_cluster_slots") == 0
