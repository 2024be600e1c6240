"""What a panel of the dashboard is, without Grafana's JSON, and the queries that many share.

In an expression ``@`` stands for the selector of the chosen instances.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RATE: Final = "[$__rate_interval]"


class Kind(StrEnum):
    """How a panel draws."""

    LINES = "lines"
    """A line for each series."""
    STACKED = "stacked"
    """Areas on top of each other: parts of a whole."""
    NUMBER = "number"
    """The last value, large."""
    NAME = "name"
    """The legend of the last value, large."""
    HEATMAP = "heatmap"
    """Buckets of a histogram over time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An expression, the legend of its series, and whether points above it lead to jobs."""

    expression: str
    legend: str = ""
    has_exemplars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture.

    Attributes:
        title: a few words.
        text: what it tells, and what is good.
        unit: of its values, as Grafana names it.
        queries: what it draws.
        kind: how.
        width: columns of 24.
        warning: a number from which on it is yellow; None where no value is bad.
        critical: the same for red; below the warning where less is worse.
    """

    title: str
    text: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    width: int = 8
    warning: float | None = None
    critical: float | None = None


def quantile(share: float, metric: str, label: str = "", window: str = RATE) -> Query:
    """A quantile of a histogram, by a label where one is named."""
    by = f"{label}, le" if label else "le"
    name = f"{{{{{label}}}}}" if label else f"p{share * 100:g}"
    expression = (
        f"histogram_quantile({share:g}, sum by ({by}) (rate({metric}_bucket{{@}}{window})))"
    )
    return Query(expression=expression, legend=name, has_exemplars=metric in OF_JOBS)


OF_JOBS: Final = frozenset(
    {
        "tflited_attempt_peak_rss_bytes",
        "tflited_job_duration_seconds",
        "tflited_job_queue_wait_seconds",
        "tflited_stage_duration_seconds",
        "tflited_variant_duration_seconds",
    }
)
"""Histograms whose buckets lead to jobs."""


def one(expression: str, legend: str = "") -> tuple[Query, ...]:
    """A single query."""
    return (Query(expression=expression, legend=legend),)


def rate_by(metric: str, label: str) -> tuple[Query, ...]:
    """A counter's rate by one label."""
    return one(f"sum by ({label}) (rate({metric}{{@}}{RATE}))", f"{{{{{label}}}}}")
