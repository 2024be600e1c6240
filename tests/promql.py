"""The rules as they are committed, and which metrics an expression of PromQL names."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

CHECKOUT: Final = Path(__file__).resolve().parents[1]
RULES: Final = CHECKOUT / "config" / "prometheus"
DASHBOARD: Final = CHECKOUT / "config" / "grafana" / "tflited.json"
INSTALL: Final = "apt-get install prometheus"
_QUOTED: Final = re.compile(r'"[^"]*"')
_SELECTOR: Final = re.compile(r"\{[^}]*\}")
_LABELS: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_NUMBER: Final = re.compile(r"\b\d[\w.]*")
_WORDS: Final = frozenset(
    {
        *("absent", "changes", "clamp_min", "histogram_quantile", "increase", "max_over_time"),
        *("predict_linear", "rate", "time", "vector"),
        *("and", "bool", "or", "unless"),
        *("avg", "count", "max", "min", "sum", "topk"),
    }
)
"""Of PromQL, as far as it is used here; another one is taken for a metric that does not exist."""


def rules() -> Iterator[dict[str, Any]]:
    """Every alert and every recording rule."""
    for file in sorted(RULES.glob("*.rules.yml")):
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            yield from group["rules"]


def alerts() -> dict[str, dict[str, Any]]:
    """Every alert by its name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def panels() -> list[dict[str, Any]]:
    """Every panel of the committed dashboard; rows, too."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def drawn() -> list[tuple[str, str]]:
    """Title and expression of everything that the dashboard draws, with values for variables."""
    return [
        (
            panel["title"],
            target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m"),
        )
        for panel in panels()
        for target in panel.get("targets", ())
    ]


def named(expression: str) -> set[str]:
    """The metrics that an expression reads."""
    text = expression
    for part in (_QUOTED, _SELECTOR, _LABELS, _NUMBER):
        text = part.sub(" ", text)
    text = re.sub(r"\[[^\]]*\]", " ", text)
    return set(_NAME.findall(text)) - _WORDS
