"""Whether all is well: roots, workers, room, and every check, with the reason where one fails."""

import math
import xml.etree.ElementTree as ET

from tflited.domain.board import Board
from tflited.domain.status import HealthCheck, Phase, RootStatus
from tflited.pages import chips, links, wording
from tflited.pages.chips import Tone
from tflited.pages.elements import element
from tflited.pages.moments import ago


def panel(board: Board) -> ET.Element:
    """The part of a page beside its main column."""
    return element(
        "aside",
        element("h2", "Health", id="health"),
        element("div", *_workers(board), class_="card"),
        element("h3", "Roots"),
        *(_root(root) for root in board.roots),
        element("h3", "Checks"),
        element("ul", *(_check(check) for check in board.checks), class_="checks card"),
        aria_labelledby="health",
    )


def _workers(board: Board) -> tuple[ET.Element, ...]:
    busy = len(board.running)
    facts = (
        ("Workers", f"{busy} of {board.slots} busy"),
        *((name, _free(count)) for name, count in board.free_bytes.items()),
        ("Running since", ago(board.started_at)),
        ("Version", board.version),
    )
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return (element("dl", *pairs, class_="facts"),)


def _free(count: float) -> str:
    return "unknown" if math.isnan(count) else f"{wording.size(int(count))} free"


def _root(root: RootStatus) -> ET.Element:
    models = sum(root.models.values())
    published = root.models.get(Phase.PUBLISHED, 0)
    state = chips.chip("available", Tone.GOOD)
    if not root.is_available:
        state = chips.chip("away", Tone.BAD)
    elif root.last_scan_at is None:
        state = chips.chip("first scan", Tone.WAIT)
    title = element("div", element("a", root.name, href=links.models(root=root.name)), state)
    title.set("class", "line")
    notes = [f"{published:,} of {models:,} models published"]
    lines = [element("div", note, class_="small") for note in notes]
    if not root.is_available:
        lines.append(element("div", root.reason, class_="small problem"))
    if root.last_scan_at is not None:
        lines.append(element("div", "scanned ", ago(root.last_scan_at), class_="soft small"))
    if root.removals_waiting:
        text = f"{root.removals_waiting} removals wait for: tflited confirm {root.name}"
        lines.append(element("div", text, class_="small problem"))
    if root.unwatched:
        text = f"{root.unwatched} directories are beyond the watch limit, looked at by scans"
        lines.append(element("div", text, class_="small problem"))
    for part, why in root.polled.items():
        text = f"{part or 'all of it'} is looked at every few seconds: {why}"
        lines.append(element("div", text, class_="soft small"))
    path = element("code", root.path)
    return element("div", title, element("div", path, class_="small"), *lines, class_="card root")


def _check(check: HealthCheck) -> ET.Element:
    if check.is_ok:
        return element(
            "li", chips.chip(check.name, Tone.GOOD), element("span", "ok", class_="soft")
        )
    tone = Tone.BAD if check.is_required else Tone.WARN
    return element("li", chips.chip(check.name, tone), element("span", check.reason))
