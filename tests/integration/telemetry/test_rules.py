"""The rules as Prometheus' own tool reads them, and that every alert is tested and explained."""

import re
import shutil
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from programs import requires_program
from promql import CHECKOUT, DASHBOARD, INSTALL, RULES, alerts
from tflited.cli import application

TESTS = CHECKOUT / "tests" / "prometheus"
RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text("utf-8")
LOGS = (CHECKOUT / "docs" / "logs.md").read_text("utf-8")
SEVERITIES = {"critical", "warning", "info"}


def promtool(*arguments: object) -> str:
    """What promtool says; it must be content."""
    command = [str(shutil.which("promtool")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def scenes() -> dict[str, list[bool]]:
    """Alert to whether it fires, in each of its tests."""
    found: dict[str, list[bool]] = {}
    for file in TESTS.glob("*.test.yml"):
        for scene in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            for case in scene["alert_rule_test"]:
                found.setdefault(case["alertname"], []).append(bool(case["exp_alerts"]))
    return found


@requires_program("promtool", INSTALL)
def test_the_example_configuration_and_its_rules_are_right() -> None:
    """Prometheus would start with them, and with no other file."""
    said = promtool("check", "config", RULES / "prometheus.yml")
    assert "2 rule files found" in said


@requires_program("promtool", INSTALL)
def test_the_package_has_them_where_prometheus_may_read_them(tmp_path: Path) -> None:
    """Below /usr/share/tflited, whole: with the example's configuration, and the dashboard."""
    spec = spec_from_file_location("deb", CHECKOUT / "packaging" / "deb.py")
    assert spec is not None
    assert spec.loader is not None
    package = module_from_spec(spec)
    spec.loader.exec_module(package)
    package.system_files(tmp_path)
    shared = tmp_path / "usr/share/tflited"
    promtool("check", "config", shared / "prometheus" / "prometheus.yml")

    assert (shared / "grafana" / DASHBOARD.name).read_bytes() == DASHBOARD.read_bytes()
    assert (tmp_path / "usr/share/doc/tflited/docs/runbook.md").is_file()


@requires_program("promtool", INSTALL)
@pytest.mark.parametrize("file", sorted(TESTS.glob("*.test.yml")), ids=lambda file: file.name)
def test_alerts_fire_when_they_should(file: Path) -> None:
    """And not before, and not after; with the words that somebody gets."""
    assert "SUCCESS" in promtool("test", "rules", file)


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_every_alert_is_tested_firing_and_not(alert: str) -> None:
    """An alert that was never seen to fire may have a name wrong; one that always does is noise."""
    assert set(scenes().get(alert, [])) == {True, False}


@pytest.mark.parametrize(("alert", "rule"), sorted(alerts().items()))
def test_every_alert_leads_to_its_page(alert: str, rule: dict[str, Any]) -> None:
    """It says how bad it is, what happened, and where the runbook has what to do."""
    assert rule["labels"]["severity"] in SEVERITIES
    notes = rule["annotations"]
    assert notes["summary"].endswith(".")
    assert notes["description"]
    place = f"docs/runbook.md#{alert.lower()}"
    assert notes["runbook_url"] == "{{ $externalLabels.tflited_docs }}" + place
    (section,) = re.findall(rf"^### {alert}\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section.strip().split("\n\n")[1].startswith("**See** ")
    assert section.strip().split("\n\n")[2].startswith("**Do** ")


def test_the_runbook_knows_no_other_alert() -> None:
    """A page about an alert that is gone leads nowhere."""
    assert set(re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE)) == set(alerts())


def test_the_runbook_names_commands_and_events_that_there_are() -> None:
    """Whoever is woken by an alert types what is written there."""
    commands = set(re.findall(r"`tflited ([a-z]+)", RUNBOOK))
    known = set(getattr(get_command(application), "commands", {}))
    events = set(re.findall(r"^\| `(\w+)` \|", LOGS, re.MULTILINE))
    told = {
        name
        for line in re.findall(r"^\*\*See\*\* (.*in the log.*)$", RUNBOOK, re.MULTILINE)
        for name in re.findall(r"`([a-z]+_[a-z_]+)`", line)
        if not name.startswith("tflited_")
    }

    assert commands
    assert commands - known == set()
    assert told
    assert told - events == set()


@requires_program("promtool", INSTALL)
def test_a_site_may_say_where_its_runbook_is(tmp_path: Path) -> None:
    """The external label of the example configuration comes before the path."""
    scene = yaml.safe_load((TESTS / "service.test.yml").read_text("utf-8"))
    scene["rule_files"] = [str(RULES / Path(file).name) for file in scene["rule_files"]]
    (down,) = [test for test in scene["tests"] if test["name"] == "TflitedDown"]
    site = "https://docs.example/tflited/"
    for case in down["alert_rule_test"]:
        for alert in case["exp_alerts"]:
            notes = alert["exp_annotations"]
            notes["runbook_url"] = site + notes["runbook_url"]
    scene["tests"] = [{**down, "external_labels": {"tflited_docs": site}}]
    file = tmp_path / "site.test.yml"
    file.write_text(yaml.safe_dump(scene))

    assert "SUCCESS" in promtool("test", "rules", file)
