"""How a metric is declared: in base units, with closed sets of labels, each combination at zero."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import product
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tflited.domain.job import Job

# Measured: a conversion takes 0.3-0.7 s, importing TensorFlow 6-12 s, large models minutes.
SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
RSS_BYTES: Final = tuple(2.0**power for power in range(28, 35))
SIZE_BYTES: Final = tuple(2.0**power for power in range(10, 31, 2))

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class Declare:
    """Declares metrics in one registry.

    Labels are given with all their values, and every combination exists at once, so that rates work
    from the first event on. An empty set of values is one that :func:`fill` fills later.

    Args:
        registry: where they are declared.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str, **labels: Iterable[str]) -> Counter:
        """A counter; its samples end in ``_total``."""
        return fill(self._make(Counter, name, text, labels), *labels.values())

    def gauge(self, name: str, text: str, **labels: Iterable[str]) -> Gauge:
        """A gauge."""
        return fill(self._make(Gauge, name, text, labels), *labels.values())

    def histogram(
        self, name: str, text: str, buckets: Iterable[float] = SECONDS, **labels: Iterable[str]
    ) -> Histogram:
        """A histogram; ``buckets`` are upper ends, in the unit that ends the name."""
        kind = partial(Histogram, buckets=tuple(buckets))
        return fill(self._make(kind, name, text, labels), *labels.values())

    def _make(
        self, kind: Callable[..., Metric], name: str, text: str, labels: Iterable[str]
    ) -> Metric:
        return kind(name, text, tuple(labels), registry=self._registry)


def of_job(job: Job) -> dict[str, str]:
    """The exemplar that leads from a bucket to a job."""
    return {"job_id": str(job.id)}


def fill(metric: Metric, *values: Iterable[str]) -> Metric:
    """Creates every combination of label values, so that each is there at zero."""
    if values:
        for combination in product(*(tuple(group) for group in values)):
            metric.labels(*combination)
    return metric
