"""What ``tflited status --watch`` shows on a terminal, from what the daemon said last."""

import time
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tflited.cli import show
from tflited.cli.client import Client
from tflited.errors import TflitedError

RECENT: Final = 8
"""Jobs that are shown of those that ended."""
MOST_ROWS: Final = 8
"""Roots, and attempts, that are shown."""
_COLOURS: Final = {
    "published": "green",
    "unchanged": "green",
    "failed": "red",
    "dead": "red",
    "refused": "red",
    "policy_error": "red",
    "building": "cyan",
}


@dataclass(slots=True)
class Screen:
    """The last answers, and why there are no newer ones."""

    answer: dict[str, Any] | None = None
    jobs: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""
    seen_at: float = 0.0

    def look(self, client: Client) -> None:
        """Asks the daemon; keeps what was known where it does not answer."""
        try:
            self.answer = client.get("/api/v1/status", models="false")
            self.jobs = client.get("/api/v1/jobs", limit=RECENT * 4)
        except TflitedError as error:
            self.trouble = error.message
        else:
            self.trouble, self.seen_at = "", time.time()

    def render(self) -> RenderableType:
        """The screen."""
        parts: list[RenderableType] = []
        if self.answer is not None:
            parts += _parts(self.answer, self.jobs, is_old=bool(self.trouble))
        if self.trouble:
            parts.append(Text(f"{show.printable(self.trouble)} Trying again.", style="bold red"))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        parts.append(Text(f"{now}  Ctrl-C ends", style="dim"))
        return Group(*parts)


def headline(answer: dict[str, Any]) -> str:
    """The daemon in a line."""
    state = "ready" if answer["is_ready"] else "not ready"
    if answer["is_draining"]:
        state = "stopping"
    queued, running = answer["counts"]["by_state"].get("queued", 0), len(answer["running"])
    slots = f"{running} of {answer['slots']} slots busy"
    return f"tflited {answer['version']}: {state}, {slots}, {queued} jobs queued"


def _parts(
    answer: dict[str, Any], jobs: list[dict[str, Any]], *, is_old: bool
) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(headline(answer), style="dim" if is_old else "bold")]
    for check in answer["checks"]:
        if not check["is_ok"]:
            text = show.printable(f"{check['name']}: {check['reason']}")
            parts.append(Text(text, style="yellow"))
    parts += [Text(), _roots(answer["roots"])]
    if answer["running"]:
        parts += [Text(), _running(answer["running"])]
    ended = [job for job in jobs if job["finished_at"]][:RECENT]
    if ended:
        parts += [Text(), _recent(ended)]
    return [*parts, Text()]


def _table(*columns: str) -> Table:
    """The last column takes what room is left, and is cut where that is too little."""
    shown = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    *others, last = columns
    for name in others:
        shown.add_column(name, no_wrap=True, overflow="ellipsis")
    shown.add_column(last, no_wrap=True, overflow="ellipsis", ratio=1)
    return shown


def _text(value: object, style: str = "") -> Text:
    return Text(show.printable(value), style=style)


def _roots(roots: list[dict[str, Any]]) -> Table:
    shown = _table("root", "models", "")
    for root in roots[:MOST_ROWS]:
        phases = Text(", ").join(
            Text(f"{count} {phase}", style=_COLOURS.get(phase, ""))
            for phase, count in root["models"].items()
            if count
        )
        trouble = "" if root["is_available"] else f"unavailable: {root['reason']}"
        if not trouble and root["removals_waiting"]:
            trouble = f"{root['removals_waiting']} sets wait: tflited confirm {root['name']}"
        shown.add_row(_text(root["name"]), phases or Text("none"), _text(trouble, "red"))
    if len(roots) > MOST_ROWS:
        shown.add_row(_text(f"{len(roots) - MOST_ROWS} more"), "", "")
    return shown


def _running(attempts: list[dict[str, Any]]) -> Table:
    shown = _table("job", "building", "stage", "variant", "seconds")
    for entry in attempts[:MOST_ROWS]:
        shown.add_row(
            _text(entry["job_id"]),
            _text(show.model(entry["model"])),
            _text(entry["stage"], "cyan"),
            _text(entry["detail"], "cyan"),
            _text(f"{entry['seconds']:.0f}"),
        )
    return shown


def _recent(jobs: list[dict[str, Any]]) -> Table:
    shown = _table("job", "ended", "state", "at", "reason")
    for job in jobs:
        failure = job["failure"] or {}
        shown.add_row(
            _text(job["id"]),
            _text(show.model(job["model"])),
            _text(job["state"], _COLOURS.get(job["state"], "")),
            _text(show.moment(job["finished_at"])),
            _text(failure.get("message", "")),
        )
    return shown
