"""Draws variants as points of size against closeness, with the front that none of them beats."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tflited.domain.report import VariantState
from tflited.pages.chart import Caption, Guide, picture
from tflited.pages.elements import element
from tflited.pages.wording import shortened

_LEFT, _RIGHT, _TOP, _BOTTOM = 66.0, 470.0, 26.0, 320.0
_NAMES: Final = 500.0
"""Where the column of names begins."""
_LINE: Final = 19.0
_TICKS: Final = 5
_MARK: Final = 6.0
_LEAST_SPAN: Final = 1e-12
"""Of an axis; below it all values are drawn as one."""
_FARTHEST: Final = 1e9
"""Figures beyond are drawn here: whoever reports such ones is not to break the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One variant.

    Attributes:
        label: its name and figures.
        x: to the left is better.
        y: in the axis's own units.
        state: told by the shape of the mark.
        is_on_front: the line goes through it.
        low: lower end of an interval around ``y``; None without one.
        high: upper end.
    """

    label: str
    x: float
    y: float
    state: VariantState
    is_on_front: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What the axes are called; both grow to the right and upwards."""

    x: str
    y: str


def scatter(
    caption: Caption, axes: Axes, points: Sequence[Point], guides: Sequence[Guide] = ()
) -> ET.Element:
    """Points, their names in a column beside them, and the front as steps.

    Args:
        caption: of the picture.
        axes: their names.
        points: at least one.
        guides: horizontal lines.
    """
    points = [_bounded(point) for point in points]
    given = (value for point in points for value in (point.y, point.low, point.high))
    ys = [value for value in given if value is not None]
    x_ticks = ticks(0.0, max(point.x for point in points))
    y_ticks = ticks(min([0.0, *ys]), max([*ys, *(guide.value for guide in guides)]))
    at_x = _scale(x_ticks, _LEFT, _RIGHT)
    at_y = _scale(y_ticks, _BOTTOM, _TOP)
    height = max(_BOTTOM + 52, _TOP + len(points) * _LINE + 8)
    parts = [
        *_grid(axes, (x_ticks, at_x), (y_ticks, at_y)),
        *_front(points, at_x, at_y),
        *(_guide(guide, at_y) for guide in guides),
        *_names(points, at_x, at_y),
        *(part for point in points for part in _mark(point, at_x(point.x), at_y)),
    ]
    return picture(caption, height, parts)


def _bounded(point: Point) -> Point:
    low, high = (None if end is None else _held(end) for end in (point.low, point.high))
    return replace(point, x=_held(point.x), y=_held(point.y), low=low, high=high)


def _held(value: float) -> float:
    return min(max(value, -_FARTHEST), _FARTHEST)


def beaten(place: tuple[float, float], others: Sequence[tuple[float, float]]) -> bool:
    """Whether another place is at most as far along in both, and not the same; less is better."""
    return any(other != place and other[0] <= place[0] and other[1] <= place[1] for other in others)


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Round values that span a range, at equal distances of 1, 2 or 5 times a power of ten."""
    if high - low < _LEAST_SPAN:
        high = low + max(abs(low), 1.0)
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(number * step for number in range(first, max(last, first + 1) + 1))


def _scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = values[0], values[-1]
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _grid(
    axes: Axes,
    horizontal: tuple[Sequence[float], Callable[[float], float]],
    vertical: tuple[Sequence[float], Callable[[float], float]],
) -> list[ET.Element]:
    parts = []
    for value in vertical[0]:
        y = vertical[1](value)
        parts.append(element("line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="axis"))
        name = f"{round(value, 12):.4g}"
        parts.append(element("text", name, x=_LEFT - 8, y=y + 4, text_anchor="end", class_="note"))
    for value in horizontal[0]:
        x = horizontal[1](value)
        parts.append(element("line", x1=x, x2=x, y1=_BOTTOM, y2=_BOTTOM + 5, class_="axis"))
        parts.append(_centred(f"{100 * value:g} %", x, _BOTTOM + 20))
    parts.append(element("text", axes.y, x=4, y=_TOP - 12, class_="note"))
    return [*parts, _centred(axes.x, (_LEFT + _RIGHT) / 2, _BOTTOM + 40)]


def _centred(text: str, x: float, y: float) -> ET.Element:
    return element("text", text, x=x, y=y, text_anchor="middle", class_="note")


def _front(
    points: Sequence[Point], at_x: Callable[[float], float], at_y: Callable[[float], float]
) -> list[ET.Element]:
    """Steps through the variants that no other one beats."""
    chosen = sorted((at_x(point.x), at_y(point.y)) for point in points if point.is_on_front)
    if len(chosen) < 2:  # noqa: PLR2004  # a line has two ends
        return []
    path = f"M{chosen[0][0]:.1f} {chosen[0][1]:.1f}"
    for x, y in chosen[1:]:
        path += f"H{x:.1f}V{y:.1f}"
    return [element("path", d=path, class_="front")]


def _guide(guide: Guide, at_y: Callable[[float], float]) -> ET.Element:
    y = at_y(guide.value)
    # The axis has its name above the topmost line.
    base = y + 14 if y < _TOP + _LINE else y - 5
    return element(
        "g",
        element("line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="guide"),
        element("text", guide.name, x=_LEFT + 6, y=base, class_="named"),
    )


def _names(
    points: Sequence[Point], at_x: Callable[[float], float], at_y: Callable[[float], float]
) -> list[ET.Element]:
    """Names in a column, in the points' order from top to bottom, with a line to each."""
    ordered = sorted(points, key=lambda entry: (at_y(entry.y), entry.x))
    parts = []
    places = _spread([at_y(point.y) for point in ordered])
    for point, place in zip(ordered, places, strict=True):
        x, y = at_x(point.x), at_y(point.y)
        path = f"M{x + _MARK:.1f} {y:.1f}L{_NAMES - 20:.1f} {place:.1f}H{_NAMES - 5:.1f}"
        parts.append(element("path", d=path, class_="leader"))
        label = shortened(point.label, 40)
        parts.append(element("text", label, x=_NAMES, y=place + 4.5))
    return parts


def _spread(heights: Sequence[float]) -> list[float]:
    """Heights in rising order, moved apart so that no two lines of text touch."""
    places: list[float] = []
    for height in heights:
        places.append(max(height, places[-1] + _LINE if places else _TOP))
    limit = max(_BOTTOM, _TOP + (len(places) - 1) * _LINE)
    for number in reversed(range(len(places))):
        places[number] = min(places[number], limit)
        limit = places[number] - _LINE
    return places


def _mark(point: Point, x: float, at_y: Callable[[float], float]) -> list[ET.Element]:
    y, size = at_y(point.y), _MARK
    name = f"mark {point.state.value}"
    parts = []
    if point.low is not None and point.high is not None:
        low, high = at_y(point.low), at_y(point.high)
        parts.append(element("line", x1=x, x2=x, y1=low, y2=high, class_=name))
    match point.state:
        case VariantState.PROVEN:
            parts.append(element("circle", cx=x, cy=y, r=size, class_=f"{name} solid"))
        case VariantState.UNVERIFIED:
            corners = ((x, y - size), (x + size, y + size), (x - size, y + size))
            joined = " ".join(f"{across:.1f},{down:.1f}" for across, down in corners)
            parts.append(element("polygon", points=joined, class_=name))
        case VariantState.REJECTED:
            path = (
                f"M{x - size:.1f} {y - size:.1f}L{x + size:.1f} {y + size:.1f}"
                f"M{x - size:.1f} {y + size:.1f}L{x + size:.1f} {y - size:.1f}"
            )
            parts.append(element("path", d=path, class_=name))
    return parts
