"""That docs and registry agree, that label sets stay closed, and how the registry is rendered."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser

from fakes.control import make_job
from fakes.samples import a_job, a_report
from metric_samples import value
from programs import requires_program
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.audience import Recorder
from tflited.domain.report import Stage
from tflited.telemetry.metrics.exposition import Metrics

DOCS = Path(__file__).parents[4] / "docs" / "metrics.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
LABELS = {"root", "trigger", "variant", "stage", "result", "reason"}


def documented() -> Iterator[tuple[str, str, frozenset[str]]]:
    for line in DOCS.read_text().splitlines():
        if found := re.match(r"\| `(tflited_\w+)` \| (\w+) \| ([\w, ]*)\|", line):
            labels = frozenset(re.findall(r"\w+", found[3]))
            yield found[1], found[2], labels


def registered(metrics: Metrics) -> Iterator[tuple[str, str, frozenset[str]]]:
    for family in metrics.registry.collect():
        if family.name.startswith("tflited_"):
            labels = {name for sample in family.samples for name in sample.labels} - {"le"}
            yield family.name, family.type, frozenset(labels)


def test_docs_and_registry_agree(metrics: Metrics) -> None:
    """Every metric is documented with its type and labels, and nothing else is."""
    told = {row for row in documented() if row[0] != "tflited_build_info"}
    there = {row for row in registered(metrics) if row[0] != "tflited_build_info"}

    assert told == there
    assert "tflited_build_info" in {row[0] for row in documented()}


def test_labels_are_closed_sets(metrics: Metrics) -> None:
    """No metric but the build information has a label outside the design's words."""
    for name, _, labels in registered(metrics):
        assert name == "tflited_build_info" or labels <= LABELS, name


def test_every_combination_starts_at_zero(metrics: Metrics) -> None:
    """Rates work from the first event on, because the series exist before it."""
    assert value(metrics, "tflited_jobs_total", trigger="broker", result="dead") == 0
    assert value(metrics, "tflited_models", root="zoo", result="held") == 0
    assert value(metrics, "tflited_job_failures_total", reason="needs_select_ops") == 0
    assert value(metrics, "tflited_variants_total", variant="int16x8", result="rejected") == 0
    assert value(metrics, "tflited_stage_duration_seconds_count", stage="prove") == 0


def test_it_is_a_recorder(metrics: Metrics) -> None:
    """The engine can be given it where it wants a Recorder."""
    recorder: Recorder = metrics
    recorder.stage_finished(a_job(), Stage.PUBLISH, 0.2)

    assert value(metrics, "tflited_stage_duration_seconds_sum", stage="publish") == 0.2


def test_openmetrics_carries_the_job_as_exemplar(metrics: Metrics) -> None:
    """Every histogram that a job gave a time or its memory leads from the bucket to the job."""
    job = replace(make_job(42), attempts=1, started_at=make_job(42).created_at)
    outcome = AttemptOutcome(
        result=AttemptResult.OK, stage_seconds={"load": 1.0}, peak_rss_bytes=2**29
    )
    metrics.job_finished(job, 0.3)
    metrics.attempt_finished(job, outcome, will_retry=False)
    metrics.stage_finished(job, Stage.PUBLISH, 0.2)
    metrics.set_published(job, a_report())
    body, content_type = metrics.render(OPENMETRICS)

    read = parser.text_string_to_metric_families
    parsed = read(body.decode())  # type: ignore[no-untyped-call]  # the client types no parser
    leading = {
        (family.name, sample.exemplar.labels["job_id"])
        for family in parsed
        for sample in family.samples
        if sample.exemplar
    }
    assert content_type.startswith("application/openmetrics-text")
    assert leading == {
        ("tflited_attempt_peak_rss_bytes", "42"),
        ("tflited_job_duration_seconds", "42"),
        ("tflited_job_queue_wait_seconds", "42"),
        ("tflited_stage_duration_seconds", "42"),
        ("tflited_variant_duration_seconds", "42"),
    }


def test_the_quick_way_gives_the_same_bytes(metrics: Metrics) -> None:
    """Names are plain, so that nothing is escaped whatever way was negotiated."""
    metrics.job_finished(make_job(42), 0.3)
    body, content_type = metrics.render(f"{OPENMETRICS}; escaping=underscores")
    plain, _ = metrics.render(f"{OPENMETRICS}; escaping=allow-utf-8")

    assert content_type.endswith("escaping=underscores")
    assert without_process(body) == without_process(plain)


def without_process(body: bytes) -> list[bytes]:
    """What does not change by itself between two expositions."""
    return [line for line in body.splitlines() if line.startswith(b"tflited_")]


@pytest.mark.parametrize("accept", [OPENMETRICS, ""])
def test_no_series_tells_when_it_began(metrics: Metrics, accept: str) -> None:
    """It would be a fifth of every scrape, and nobody asks."""
    assert b"_created" not in metrics.render(accept)[0]


def test_plain_text_without_an_accept_header(metrics: Metrics) -> None:
    """Browsers and old scrapers get the text format, without exemplars."""
    metrics.job_finished(make_job(42), 0.3)
    body, content_type = metrics.render("")

    assert content_type.startswith("text/plain")
    assert b"process_resident_memory_bytes" in body
    assert b"job_id" not in body


@requires_program("promtool", "apt-get install prometheus")
def test_promtool_finds_nothing_to_say(metrics: Metrics) -> None:
    """Names, units and help texts follow the conventions that promtool knows."""
    own = [line for line in metrics.render("")[0].splitlines(keepends=True) if b"tflited_" in line]
    promtool = str(shutil.which("promtool"))
    result = subprocess.run(
        [promtool, "check", "metrics"], input=b"".join(own), capture_output=True, check=False
    )

    assert (result.returncode, result.stdout + result.stderr) == (0, b"")
