"""How values stand in rows."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.store.database import _packed, unpacked
from tflited.store.rows import instant, moment_of

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# The outermost days have no name in UTC.
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)  # noqa: DTZ001


@given(moments, moments)
def test_text_order_is_time_order(first: datetime, second: datetime) -> None:
    """Claims compare times as text."""
    assert (instant(first) < instant(second)) == (first < second)


@given(moments)
def test_a_time_comes_back_to_the_microsecond(moment: datetime) -> None:
    """Nothing is rounded, and the zone is UTC."""
    back = moment_of(instant(moment))
    assert back == moment
    assert back is not None
    assert back.utcoffset() == timedelta(0)


def test_a_naive_time_is_refused() -> None:
    """It would mean another moment on another machine."""
    with pytest.raises(ValueError, match="without a zone"):
        instant(datetime(2026, 1, 2))  # noqa: DTZ001 - the naive one is the case


def test_zones_are_brought_to_utc() -> None:
    """The same moment is the same text."""
    east = datetime(2026, 1, 2, 14, tzinfo=timezone(timedelta(hours=2)))
    assert instant(east) == "2026-01-02T12:00:00.000000+00:00"


def test_no_time_is_none() -> None:
    """A column without a value is no moment."""
    assert moment_of(None) is None


@given(st.text(st.characters(exclude_categories=[])))
def test_every_text_survives(text: str) -> None:
    """Lone surrogates, NUL and the escape's own head included."""
    packed = _packed(text)
    assert isinstance(packed, str)
    assert unpacked(packed.encode()) == text
