"""Points in time and lengths of time; in UTC here, in the reader's zone once the script runs."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Final

from tflited.pages import wording
from tflited.pages.elements import element

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAYS_FROM: Final = 48 * _HOUR


def moment(at: datetime | None) -> ET.Element | str:
    """A point in time, to the second."""
    return wording.NOTHING if at is None else _time(at)


def ago(at: datetime | None) -> ET.Element | str:
    """A point in time that the script tells by its distance from now."""
    return wording.NOTHING if at is None else _time(at, data_ago="")


def lasting(since: datetime, now: datetime) -> ET.Element:
    """How long something lasts; the script counts on."""
    seconds = (now - since).total_seconds()
    return element("span", duration(seconds), data_since=f"{since.timestamp():.0f}")


def duration(seconds: float) -> str:
    """A length of time in words."""
    if seconds < _MINUTE:
        return f"{max(seconds, 0.0):.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAYS_FROM:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // (24 * _HOUR)} days"


def _time(at: datetime, **marks: str) -> ET.Element:
    utc = at.astimezone(UTC)
    text = utc.strftime("%Y-%m-%d %H:%M:%S UTC")
    return element("time", text, datetime=utc.strftime("%Y-%m-%dT%H:%M:%SZ"), **marks)
