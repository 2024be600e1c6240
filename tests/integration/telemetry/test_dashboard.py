"""The dashboard: made from its panels, in Grafana's own shape, every expression readable.

No Grafana draws it here.
"""

import json
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from programs import requires_program
from promql import CHECKOUT, DASHBOARD, INSTALL, drawn, panels

COLUMNS = 24


def test_the_committed_dashboard_is_the_generated_one() -> None:
    """Whoever changes a panel runs make dashboard."""
    command = [sys.executable, str(CHECKOUT / "packaging" / "dashboard.py"), "--print"]
    made = subprocess.run(command, capture_output=True, check=True).stdout

    assert made == DASHBOARD.read_bytes()


def test_the_dashboard_has_grafanas_shape() -> None:
    """Read into Grafana's types and written again it is the same: no key is of our invention."""
    document = json.loads(DASHBOARD.read_text("utf-8"))
    again = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))

    assert again == document


def test_a_wrong_key_has_not() -> None:
    """The test above can fail."""
    document = json.loads(DASHBOARD.read_text("utf-8"))
    document["panels"][1]["treshold"] = 1
    again = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))

    assert again != document


def test_panels_stand_beside_each_other() -> None:
    """Inside the grid, none above another, each with a number of its own."""
    everything = panels()
    assert len({panel["id"] for panel in everything}) == len(everything)
    for panel in everything:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
    for one, other in combinations(everything, 2):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not is_beside and not is_above


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_tells(panel: dict[str, Any]) -> None:
    """In words, with a unit, from the data source that the reader chose."""
    if panel["type"] == "row":
        return
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    names = [target["refId"] for target in panel["targets"]]
    assert len(set(names)) == len(names)
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${source}"}


@requires_program("promtool", INSTALL)
def test_every_expression_is_promql(tmp_path: Path) -> None:
    """Promtool reads each as if it were a rule."""
    rules = [
        {"record": "x", "labels": {"n": str(n)}, "expr": e} for n, (_, e) in enumerate(drawn())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = [str(shutil.which("promtool")), "check", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
