"""Metrics of the cluster that attempts run on."""

from tflited.domain.cluster import ClusterState
from tflited.telemetry.metrics.declare import Declare


class ClusterMetrics:
    """The scheduler and its workers as last seen; all at zero without a cluster."""

    def __init__(self, declare: Declare) -> None:
        self._connected = declare.gauge(
            "tflited_cluster_connected", "1 while the scheduler answers."
        )
        self._workers = declare.gauge(
            "tflited_cluster_workers", "Workers of the cluster.", result=("accepted", "refused")
        )
        self._slots = declare.gauge("tflited_cluster_slots", "Slots of the accepted workers.")

    def changed(self, state: ClusterState) -> None:
        """The cluster was looked at, or lost."""
        self._connected.set(state.is_connected)
        self._workers.labels(result="accepted").set(state.accepted)
        self._workers.labels(result="refused").set(state.refused)
        self._slots.set(state.slots)
