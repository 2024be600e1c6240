"""A registry as a fresh daemon has it, and what its samples hold."""

from tflited.telemetry.metrics.exposition import Metrics


def fresh_metrics() -> Metrics:
    """The metrics of a daemon with one root, ``zoo``, that did nothing yet."""
    return Metrics(
        roots=["zoo"],
        version="1.2.3",
        toolchain={"tensorflow": "2.21"},
        slots=2,
        queue_capacity=500,
    )


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample; None where it does not exist."""
    return metrics.registry.get_sample_value(name, labels)
