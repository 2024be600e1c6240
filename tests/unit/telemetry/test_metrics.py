"""What the metrics count, that label sets stay closed, and that the docs tell the registry."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser

from fakes.control import make_job
from programs import requires_program
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.audience import Recorder
from tflited.domain.job import Failure, JobState, TriggerSource
from tflited.domain.policy import Variant
from tflited.domain.ports import StoreCounts
from tflited.domain.report import (
    ArtifactFile,
    BuildReport,
    SourceReport,
    Stage,
    VariantReport,
    VariantState,
)
from tflited.domain.sandbox import SandboxLevel
from tflited.domain.status import Phase
from tflited.telemetry.metrics import REASONS, Metrics

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LABELS = {"root", "trigger", "variant", "stage", "result", "reason"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(roots=["zoo"], version="1.2.3", toolchain={"tensorflow": "2.21"}, slots=2)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


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


def test_build_info_names_the_toolchain(metrics: Metrics) -> None:
    """The versions are labels of a series that is 1."""
    labels = {"version": "1.2.3", "tensorflow_version": "2.21"}

    assert value(metrics, "tflited_build_info", **labels) == 1


def test_it_is_a_recorder(metrics: Metrics) -> None:
    """The engine can be given it where it wants a Recorder."""
    recorder: Recorder = metrics
    recorder.stage_finished(Stage.PUBLISH, 0.2)

    assert value(metrics, "tflited_stage_duration_seconds_sum", stage="publish") == 0.2


def test_a_finished_job_is_counted_by_trigger_and_result(metrics: Metrics) -> None:
    """Counter, duration and wait tell the job; its claim came 5 s after it was queued."""
    job = replace(
        make_job(7, JobState.PUBLISHED),
        attempts=1,
        created_at=NOW,
        started_at=NOW + timedelta(seconds=5),
        finished_at=NOW + timedelta(seconds=9),
    )
    metrics.job_finished(job, 4.0)

    assert value(metrics, "tflited_jobs_total", trigger="watch", result="published") == 1
    assert value(metrics, "tflited_job_duration_seconds_sum", result="published") == 4.0
    assert value(metrics, "tflited_job_queue_wait_seconds_sum", trigger="watch") == 5.0
    published_at = value(metrics, "tflited_last_published_timestamp_seconds")
    assert published_at == (NOW + timedelta(seconds=9)).timestamp()


def test_a_repeated_job_has_no_queue_wait(metrics: Metrics) -> None:
    """The time of earlier attempts is not waiting."""
    job = replace(make_job(7), attempts=2, started_at=NOW + timedelta(hours=1))
    metrics.job_finished(job, 1.0)

    assert value(metrics, "tflited_job_queue_wait_seconds_count", trigger="watch") == 0


@pytest.mark.parametrize(
    ("code", "reason"), [("needs_select_ops", "needs_select_ops"), ("made_up", "other")]
)
def test_unknown_reasons_count_as_other(metrics: Metrics, code: str, reason: str) -> None:
    """A code from a child cannot make a new series."""
    job = replace(make_job(7), failure=Failure(code=code, message="m"))
    metrics.job_finished(job, 1.0)

    assert value(metrics, "tflited_job_failures_total", reason=reason) == 1
    assert value(metrics, "tflited_job_failures_total", reason="made_up") is None


def test_every_code_of_the_source_is_a_reason() -> None:
    """A failure code that is added somewhere gets its series here, too."""
    package = Path(__file__).parents[3] / "daemon" / "tflited"
    found = {
        code
        for file in package.rglob("*.py")
        if file.parent.name not in {"web", "cli"}
        for code in re.findall(r'\bcode ?= ?"([a-z_0-9]+)"', file.read_text())
    }

    assert len(found) > 30
    assert found - set(REASONS) == set()


def test_an_attempt_counts_its_failure_memory_and_stages(metrics: Metrics) -> None:
    """A timeout that will be repeated shows in every metric of attempts."""
    outcome = AttemptOutcome(
        result=AttemptResult.TIMEOUT,
        failure=Failure(code="wall_limit", message="m"),
        stage_seconds={"load": 2.0, "../evil": 1.0},
        peak_rss_bytes=2**30,
    )
    metrics.attempt_finished(outcome, will_retry=True)

    assert value(metrics, "tflited_attempts_total", result="timeout") == 1
    assert value(metrics, "tflited_attempt_failures_total", reason="wall_limit") == 1
    assert value(metrics, "tflited_attempt_retries_total") == 1
    assert value(metrics, "tflited_attempt_peak_rss_bytes_sum") == 2**30
    assert value(metrics, "tflited_stage_duration_seconds_sum", stage="load") == 2.0
    assert value(metrics, "tflited_stage_duration_seconds_sum", stage="../evil") is None


def test_a_published_set_counts_its_variants(metrics: Metrics) -> None:
    """Proof, time and the size of the .tflite file alone are told by variant."""
    variant = VariantReport(
        variant=Variant.INT8,
        state=VariantState.PROVEN,
        seconds=1.5,
        files=(
            ArtifactFile(path="int8/net.tflite", size_bytes=4096, sha256="0"),
            ArtifactFile(path="int8/net.c", size_bytes=99999, sha256="0"),
        ),
    )
    source = SourceReport(
        loader="keras", signature="s", inputs=(), outputs=(), reference_inputs="random"
    )
    metrics.set_published(BuildReport(source=source, variants=(variant,), stage_seconds={}))

    assert value(metrics, "tflited_sets_published_total") == 1
    assert value(metrics, "tflited_variants_total", variant="int8", result="proven") == 1
    assert value(metrics, "tflited_variant_duration_seconds_sum", variant="int8") == 1.5
    assert value(metrics, "tflited_artifact_size_bytes_sum", variant="int8") == 4096


def test_gauges_follow_the_last_report(metrics: Metrics) -> None:
    """States that a newer report does not mention fall back to zero."""
    counts = StoreCounts(by_state={JobState.QUEUED: 3}, oldest_queued_at=NOW)
    metrics.queue_changed(counts, running=2)
    metrics.models_changed("zoo", {Phase.QUEUED: 3})
    assert value(metrics, "tflited_queue_depth") == 3
    assert value(metrics, "tflited_queue_oldest_job_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "tflited_jobs_running") == 2

    metrics.queue_changed(StoreCounts(), running=0)
    metrics.models_changed("zoo", {Phase.PUBLISHED: 3})
    assert value(metrics, "tflited_queue_depth") == 0
    assert value(metrics, "tflited_jobs_stored", result="queued") == 0
    assert value(metrics, "tflited_queue_oldest_job_timestamp_seconds") == 0
    assert value(metrics, "tflited_models", root="zoo", result="queued") == 0


def test_roots_triggers_and_the_daemon_are_told(metrics: Metrics) -> None:
    """What is left of the port and the two setters reach their series."""
    metrics.scanned("zoo", models=4, seconds=0.5, now=NOW)
    metrics.watched("zoo", unwatched=3, missed=2)
    metrics.root_available("zoo", is_available=True)
    metrics.trigger_received(TriggerSource.API, is_accepted=False)
    metrics.job_accepted(make_job(1))
    metrics.set_ready(is_ready=True)
    metrics.show_output_free(lambda: 10**12)
    metrics.show_stores_set_aside(lambda: 2)

    assert value(metrics, "tflited_scan_models", root="zoo") == 4
    assert value(metrics, "tflited_scan_last_timestamp_seconds", root="zoo") == NOW.timestamp()
    assert value(metrics, "tflited_root_available", root="zoo") == 1
    assert value(metrics, "tflited_directories_unwatched", root="zoo") == 3
    assert value(metrics, "tflited_events_missed_total", root="zoo") == 2
    assert value(metrics, "tflited_triggers_total", trigger="api", result="refused") == 1
    assert value(metrics, "tflited_jobs_accepted_total", trigger="watch") == 1
    assert value(metrics, "tflited_ready") == 1
    assert value(metrics, "tflited_output_free_bytes") == 10**12
    assert value(metrics, "tflited_stores_set_aside") == 2
    assert value(metrics, "tflited_slots") == 2


def test_a_failed_reload_keeps_the_time_of_the_good_one(metrics: Metrics) -> None:
    """An alert can tell that the newest configuration is not in force, and since when."""
    metrics.reloaded(is_successful=True, now=NOW)
    metrics.reloaded(is_successful=False, now=NOW + timedelta(days=1))

    assert value(metrics, "tflited_config_last_reload_successful") == 0
    at = value(metrics, "tflited_config_last_reload_success_timestamp_seconds")
    assert at == NOW.timestamp()
    assert value(metrics, "tflited_config_reloads_total", result="failure") == 1


def test_openmetrics_carries_the_job_as_exemplar(metrics: Metrics) -> None:
    """Where it is asked for, the exposition is OpenMetrics and leads from a bucket to the job."""
    metrics.job_finished(make_job(42), 0.3)
    body, content_type = metrics.render(OPENMETRICS)

    read = parser.text_string_to_metric_families
    parsed = read(body.decode())  # type: ignore[no-untyped-call]  # the client types no parser
    families = {family.name: family for family in parsed}
    samples = families["tflited_job_duration_seconds"].samples
    assert content_type.startswith("application/openmetrics-text")
    assert [s.exemplar.labels for s in samples if s.exemplar] == [{"job_id": "42"}]


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


def test_a_reload_changes_the_roots(metrics: Metrics) -> None:
    """A new root starts at zero; one that is gone no longer shows its last state for ever."""
    metrics.root_available("zoo", is_available=True)
    metrics.models_changed("zoo", {Phase.PUBLISHED: 4})
    metrics.set_roots(["annex"])

    exposition = metrics.render("")[0].decode()
    assert 'root="zoo"' not in exposition
    assert value(metrics, "tflited_root_available", root="annex") == 0
    assert value(metrics, "tflited_models", root="annex", result="published") == 0
    assert value(metrics, "tflited_scan_duration_seconds_count", root="annex") == 0


def test_a_root_that_stays_keeps_its_state(metrics: Metrics) -> None:
    """Only what the reload changed changes."""
    metrics.models_changed("zoo", {Phase.PUBLISHED: 4})
    metrics.set_roots(["zoo", "annex"])

    assert value(metrics, "tflited_models", root="zoo", result="published") == 4


def test_hub_fetches(metrics: Metrics) -> None:
    """By how they ended."""
    metrics.hub_fetched(3.0, is_successful=True)
    metrics.hub_fetched(1.0, is_successful=False)
    name = "tflited_hub_fetch_duration_seconds_sum"
    assert value(metrics, name, result="success") == 3.0
    assert value(metrics, name, result="failure") == 1.0


def test_removals_that_wait_are_a_gauge_of_their_root(metrics: Metrics) -> None:
    """It goes up and back to zero, and leaves with its root."""
    assert value(metrics, "tflited_removals_waiting", root="zoo") == 0
    metrics.removals_waiting("zoo", 12)
    assert value(metrics, "tflited_removals_waiting", root="zoo") == 12
    metrics.removals_waiting("zoo", 0)
    assert value(metrics, "tflited_removals_waiting", root="zoo") == 0
    metrics.set_roots([])
    assert value(metrics, "tflited_removals_waiting", root="zoo") is None


def test_the_broker_comes_and_goes(metrics: Metrics) -> None:
    """0 before the first connection, which is also what no broker means."""
    assert value(metrics, "tflited_broker_connected") == 0
    metrics.broker_connected(is_connected=True)
    assert value(metrics, "tflited_broker_connected") == 1
    metrics.broker_connected(is_connected=False)
    assert value(metrics, "tflited_broker_connected") == 0


def test_attempts_are_counted_by_what_held(metrics: Metrics) -> None:
    """Where no model was opened, nothing held and nothing counts."""
    for level in (SandboxLevel.OFF, SandboxLevel.FULL, SandboxLevel.OFF, None):
        outcome = AttemptOutcome(result=AttemptResult.OK, sandbox=level)
        metrics.attempt_finished(outcome, will_retry=False)
    counts = [
        value(metrics, "tflited_attempt_sandboxes_total", result=level) for level in SandboxLevel
    ]
    assert counts == [1, 0, 2]
