"""The page of log events and the code have the same events, levels and keys."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fakes.samples import a_job
from log_page import documented, undocumented
from tflited.domain.job import facts

CHECKOUT = Path(__file__).parents[3]
LEVELS = {name: name for name in ("debug", "info", "warning", "error", "critical")} | {
    "exception": "error"
}
EVENT = re.compile(r"[a-z]+(_[a-z0-9]+)*")
SPLATS: Mapping[str, frozenset[str]] = {"facts": frozenset(facts(a_job()))}
"""What ``**facts(job)`` adds; nothing else may be given to an event by name unseen."""


@dataclass(slots=True)
class Told:
    """How one event is told: its levels, and its keys in every place."""

    levels: set[str] = field(default_factory=set)
    keys: set[frozenset[str]] = field(default_factory=set)


def told(root: ast.AST) -> dict[str, Told]:
    """Every event of a module, with what loggers had bound in the same function."""
    found: dict[str, Told] = defaultdict(Told)
    for function in (
        node for node in ast.walk(root) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ):
        loggers = dict(_loggers(function))
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            levels, bound = _logger(call.func, loggers)
            name = call.args[0] if call.args else None
            if levels and isinstance(name, ast.Constant) and isinstance(name.value, str):
                entry = found[name.value]
                entry.levels |= levels
                entry.keys.add(bound | _keys(call) | _trace(call.func))
    return found


def _loggers(function: ast.AST) -> Iterator[tuple[str, tuple[set[str], frozenset[str]]]]:
    """Names that a function gives to a bound logger, or to the method of a level."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values = [node.value]
            if isinstance(node.value, ast.IfExp):
                values = [node.value.body, node.value.orelse]
            levels = {ast.unparse(each).partition(".")[2] for each in values if _is_method(each)}
            if levels:
                yield node.targets[0].id, (levels, frozenset())
            elif isinstance(node.value, ast.Call) and _is_bind(node.value.func):
                yield node.targets[0].id, (set(), _keys(node.value))


def _is_method(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in LEVELS and _is_logger(node.value)


def _is_bind(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "bind" and _is_logger(node.value)


def _is_logger(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id.upper() == "_LOG"


def _logger(
    function: ast.expr, loggers: Mapping[str, tuple[set[str], frozenset[str]]]
) -> tuple[set[str], frozenset[str]]:
    """The levels that a call logs at and what is bound; no level where it is no logger's."""
    if isinstance(function, ast.Name) and function.id in loggers:
        return loggers[function.id]
    if isinstance(function, ast.Attribute) and function.attr in LEVELS:
        level = {LEVELS[function.attr]}
        if _is_logger(function.value):
            return level, frozenset()
        if isinstance(function.value, ast.Name) and function.value.id in loggers:
            return level, loggers[function.value.id][1]
    return set(), frozenset()


def _keys(call: ast.Call) -> frozenset[str]:
    keys = {word.arg for word in call.keywords if word.arg not in {None, "exc_info"}}
    if any(word.arg == "exc_info" for word in call.keywords):
        keys.add("exception")
    for word in call.keywords:
        if word.arg is None:
            assert isinstance(word.value, ast.Call), ast.unparse(call)
            keys |= SPLATS[ast.unparse(word.value.func)]
    return frozenset(key for key in keys if key)


def _trace(function: ast.expr) -> frozenset[str]:
    is_trace = isinstance(function, ast.Attribute) and function.attr == "exception"
    return frozenset({"exception"} if is_trace else ())


@pytest.fixture(scope="module")
def code() -> dict[str, Told]:
    """Every event of the package."""
    found: dict[str, Told] = defaultdict(Told)
    for path in sorted((CHECKOUT / "daemon").rglob("*.py")):
        for name, entry in told(ast.parse(path.read_text())).items():
            found[name].levels |= entry.levels
            found[name].keys |= entry.keys
    return found


def test_the_page_has_every_event_and_no_other(code: dict[str, Told]) -> None:
    """Neither side may run ahead."""
    assert set(code) == set(documented())


def test_events_have_the_levels_of_the_page(code: dict[str, Told]) -> None:
    """Exactly those that the code may use."""
    page = {name: row.levels for name, row in documented().items()}
    assert {name: entry.levels for name, entry in code.items()} == page


def test_events_have_the_keys_of_the_page_everywhere(code: dict[str, Told]) -> None:
    """Whoever searches for a key finds it in each of them."""
    page = {name: {row.keys} for name, row in documented().items()}
    assert {name: entry.keys for name, entry in code.items()} == page


def test_events_are_names(code: dict[str, Told]) -> None:
    """Constant and snake_case: facts are keys."""
    assert not [name for name in code if not EVENT.fullmatch(name)]


def test_every_event_about_a_job_has_its_facts(code: dict[str, Told]) -> None:
    """A job's number comes with its model and its policy; a receipt is about a document."""
    others = {"trigger_received"}
    partly = [
        name
        for name, entry in code.items()
        if name not in others
        and any("job_id" in keys and not keys >= SPLATS["facts"] for keys in entry.keys)
    ]
    assert not partly


@pytest.mark.parametrize(
    ("change", "is_strange"),
    [
        ({}, False),
        ({"logger": "uvicorn.error", "event": "port 80"}, False),
        ({"event": "port 80"}, True),
        ({"level": "info"}, True),
        ({"path": "/"}, True),
    ],
)
def test_an_event_that_is_not_of_the_page_is_found(
    change: dict[str, str], is_strange: bool
) -> None:
    """What the tests with a real daemon rely on."""
    event = {"event": "spool_waits", "level": "warning", "logger": "tflited.triggers.spool"}
    event |= {"timestamp": "", "folder": "", "reason": ""} | change
    assert bool(undocumented([event])) is is_strange


SAMPLE = """
def one(job):
    _LOG.info("job_seen", **facts(job), reason=1)
    log = _LOG.bind(hook=1)
    log.warning("hook_seen", output="")
    tell = _LOG.info if job else _LOG.warning
    tell("phase_seen", phase=1)
    _log.exception("fault_seen")
    math.log("no_event")
"""


def test_the_reading_above_sees_what_is_told() -> None:
    """Bound keys, keys of a job, two levels, a traceback; it can fail."""
    found = told(ast.parse(SAMPLE))
    assert {name: (entry.levels, entry.keys) for name, entry in found.items()} == {
        "job_seen": ({"info"}, {frozenset({"job_id", "model", "policy", "reason"})}),
        "hook_seen": ({"warning"}, {frozenset({"hook", "output"})}),
        "phase_seen": ({"info", "warning"}, {frozenset({"phase"})}),
        "fault_seen": ({"error"}, {frozenset({"exception"})}),
    }
