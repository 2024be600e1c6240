"""The loop: what rules and pages name is in the registry. Docs and registry: test_exposition."""

import re
from pathlib import Path

import pytest

from metric_samples import fresh_metrics
from promql import CHECKOUT, drawn, named, rules

PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])
OF_PROMETHEUS = {"ALERTS", "up"}
"""What Prometheus itself makes of targets and rules."""
NO_METRIC = {"tflited_docs"}
"""The external label that begins a runbook's address."""


def samples() -> set[str]:
    """The name of every sample that a fresh daemon exposes."""
    return {
        sample.name for family in fresh_metrics().registry.collect() for sample in family.samples
    }


def families() -> set[str]:
    """The name of every metric, as the docs list it."""
    return {family.name for family in fresh_metrics().registry.collect()}


def test_rules_read_what_is_there() -> None:
    """A misspelt name would be an alert that never fires."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    read = set[str]().union(*(named(rule["expr"]) for rule in rules()))
    assert recorded
    assert read - recorded - OF_PROMETHEUS - samples() == set()


def test_panels_draw_what_is_there() -> None:
    """A misspelt name would be an empty picture."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    read = set[str]().union(*(named(expression) for _, expression in drawn()))
    assert read - recorded - OF_PROMETHEUS - samples() == set()


def test_what_is_recorded_is_in_the_exposition_under_no_name() -> None:
    """Recorded names have a level and an operation, so that nobody takes them for the daemon's."""
    for rule in rules():
        if "record" in rule:
            assert re.fullmatch(r"instance\w*:tflited_\w+(:\w+)?", rule["record"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_what_is_there(page: Path) -> None:
    """Whoever looks for a metric that a page names finds it."""
    text = page.read_text("utf-8")
    told = set(re.findall(r"`(tflited_[a-z_]+)(?:\{[^}]*\})?`", text))
    assert told - families() - samples() - NO_METRIC == set()


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (a, b) (rate(x_total{c="d"}[5m])) / on (a) y > 0.5', {"x_total", "y"}),
        ("time() - z * (z > bool 0)", {"z"}),
        ('histogram_quantile(0.9, sum by (le) (rate(h_bucket{a!~"b|c"}[1h])))', {"h_bucket"}),
        ("instance:q:ratio > 1e9 unless r", {"instance:q:ratio", "r"}),
    ],
)
def test_names_are_read_from_an_expression(expression: str, names: set[str]) -> None:
    """The loop above can fail: functions, labels and numbers are no metrics."""
    assert named(expression) == names
