"""A real Prometheus scrapes the real daemon while and after it builds a real model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from typing import Any

import pytest

import zoo
from daemon_process import DaemonProcess
from prometheus_server import Prometheus, scraping
from promql import alerts, drawn
from tree_copy import copy_tree
from waiting import wait_until

DEADLINE_SECONDS = 60.0
BUSY = 'tflited_workers{result="busy"} 1.0'


@dataclass(frozen=True)
class Scene:
    """A daemon that built one model, and who scraped it meanwhile.

    ``scraped`` holds the expositions that a client of its own got before the model was published.
    """

    daemon: DaemonProcess
    prometheus: Prometheus
    scraped: tuple[str, ...]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scraped")
    (folder / "prometheus").mkdir()
    daemon = DaemonProcess(folder)
    daemon.main_file.write_text(f"{daemon.main_file.read_text()}\n[daemon]\nworkers = 1\n")
    daemon.start()
    try:
        with scraping(folder / "prometheus", f"127.0.0.1:{daemon.port()}") as prometheus:
            copy_tree(zoo.digits().model, daemon.root / "digits")
            scraped = tuple(until_published(daemon, "digits"))
            yield Scene(daemon, prometheus, scraped)
    finally:
        daemon.stop()


def until_published(daemon: DaemonProcess, path: str) -> Iterator[str]:
    """Expositions, one after the other, until a model is published."""
    while daemon.phase(path) != "published":
        yield exposition(daemon)


def exposition(daemon: DaemonProcess, accept: str = "text/plain") -> str:
    """What /metrics says."""
    connection = HTTPConnection("127.0.0.1", daemon.port(), timeout=DEADLINE_SECONDS)
    try:
        connection.request("GET", "/metrics", headers={"Accept": accept})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_the_target_is_up(scene: Scene) -> None:
    """With the example's configuration, and with nothing to complain about."""
    wait_until(lambda: scene.prometheus.value('up{job="tflited"}') == 1, DEADLINE_SECONDS)
    (target,) = scene.prometheus.ask("targets", state="active")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_a_bucket_leads_to_its_job(scene: Scene) -> None:
    """Exemplars of every histogram of the job are kept; OpenMetrics was negotiated."""
    (job,) = scene.daemon.jobs("digits")

    def leading(metric: str) -> set[str]:
        found = scene.prometheus.ask(
            "query_exemplars", query=f"{metric}_bucket", start="0", end="9999999999"
        )
        return {entry["labels"]["job_id"] for each in found for entry in each["exemplars"]}

    for metric in (
        "tflited_job_duration_seconds",
        "tflited_job_queue_wait_seconds",
        "tflited_stage_duration_seconds",
        "tflited_variant_duration_seconds",
    ):
        wait_until(partial(leading, metric), DEADLINE_SECONDS, what=metric)
        assert leading(metric) == {str(job["id"])}


def test_every_rule_is_evaluated_without_an_error(scene: Scene) -> None:
    """Vectors that do not match would show only here."""

    def rules() -> list[dict[str, str]]:
        groups = scene.prometheus.ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def are_evaluated() -> bool:
        return all(rule["health"] != "unknown" for rule in rules())

    wait_until(are_evaluated, DEADLINE_SECONDS, what="every rule")
    assert {rule["health"] for rule in rules()} == {"ok"}
    assert {rule["name"] for rule in rules() if rule["type"] == "alerting"} == set(alerts())


def test_every_panel_can_be_drawn(scene: Scene) -> None:
    """Vectors that do not match, or a function that does not fit, would be an error."""
    for _, expression in drawn():
        scene.prometheus.ask("query", query=expression)


def test_panels_show_the_build(scene: Scene) -> None:
    """They read what is there, under the names and labels that it has."""
    shown = {"Ready", "Version", "Slots", "Models by phase", "Output lags", "Free space"}
    for title, expression in drawn():
        if title in shown:
            found = partial(scene.prometheus.ask, "query", query=expression)
            wait_until(partial(_has_result, found), DEADLINE_SECONDS, what=title)
            shown.discard(title)
    assert not shown


def _has_result(ask: Callable[[], Any]) -> bool:
    return bool(ask()["result"])


def test_nothing_is_wrong_with_a_healthy_daemon(scene: Scene) -> None:
    """An alert that fires here would be noise; what is pending had no time to prove itself."""
    wait_until(lambda: scene.prometheus.value("tflited_ready") == 1, DEADLINE_SECONDS)
    firing = [
        alert["labels"]["alertname"]
        for alert in scene.prometheus.ask("alerts")["alerts"]
        if alert["state"] == "firing"
    ]
    assert firing == []


def test_a_scrape_waits_for_no_conversion(scene: Scene) -> None:
    """Expositions were answered while the attempt was under way: they say so themselves."""
    assert any(BUSY in text for text in scene.scraped)
    assert BUSY not in exposition(scene.daemon)


def test_the_build_is_counted(scene: Scene) -> None:
    """From the trigger to what the variants save."""
    expressions = {
        'tflited_jobs_total{trigger="watch", result="published"}': 1,
        'tflited_variants_total{variant="dynamic_range", result="proven"}': 1,
        'tflited_child_exits_total{reason="ok"}': 2,
        'tflited_zygote_start_duration_seconds_count{result="success"}': 1,
        'tflited_models{root="models", result="published"}': 1,
        'tflited_oldest_unbuilt_timestamp_seconds{root="models"}': 0,
    }

    def differing() -> dict[str, float | None]:
        seen = {expression: scene.prometheus.value(expression) for expression in expressions}
        return {each: value for each, value in seen.items() if value != expressions[each]}

    wait_until(lambda: not differing(), DEADLINE_SECONDS, what="the build in every metric")
    assert differing() == {}
    saved = 'tflited_variant_saved_bytes_total{variant="dynamic_range"}'
    assert (scene.prometheus.value(saved) or 0) > 0
    assert (scene.prometheus.value('tflited_watch_events_total{root="models"}') or 0) > 0
