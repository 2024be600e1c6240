"""Points and lengths of time in words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tflited.pages import moments

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.0 s"),
        (0.25, "0.2 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3700, "1 h 1 min"),
        (400_000, "4 days"),
    ],
)
def test_lengths(seconds: float, words: str) -> None:
    """Two units at most, the smaller one only where it counts."""
    assert moments.duration(seconds) == words


def test_a_point_is_told_in_utc() -> None:
    """Whatever zone it came in; what is not known is a dash."""
    there = NOON.astimezone(timezone(timedelta(hours=5)))
    told = moments.moment(there)
    assert not isinstance(told, str)
    assert told.text == "2026-01-02 12:00:00 UTC"
    assert told.get("datetime") == "2026-01-02T12:00:00Z"
    assert moments.ago(None) == moments.moment(None) == "\u2013"


def test_what_lasts_can_be_counted_on() -> None:
    """The script needs the beginning; the words are right without it."""
    told = moments.lasting(NOON, NOON + timedelta(seconds=70))
    assert (told.text, told.get("data-since")) == ("1 min 10 s", f"{NOON.timestamp():.0f}")
