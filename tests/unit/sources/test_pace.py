"""When looks are due."""

from tflited.sources.pace import OUTAGE_SECONDS, POLL_SECONDS, Pace


def test_a_quick_scan_keeps_the_interval() -> None:
    """As configured."""
    pace = Pace(60.0)
    pace.scanned(100.0, 100.1)
    assert (pace.scan_due, pace.poll_due) == (160.0, 100.0 + POLL_SECONDS)


def test_a_long_scan_stretches_both() -> None:
    """A two-hundredth of the time for scans, a twentieth for polls."""
    pace = Pace(60.0)
    pace.scanned(100.0, 102.0)
    assert (pace.scan_due, pace.poll_due, pace.flood_due) == (500.0, 140.0, 108.0)


def test_a_short_interval_is_kept_in_an_outage() -> None:
    """Tests and impatient users look more often."""
    pace = Pace(1.0)
    pace.failed(10.0)
    assert pace.scan_due == 11.0
    patient = Pace(60.0)
    patient.failed(10.0)
    assert patient.scan_due == 10.0 + OUTAGE_SECONDS


def test_a_doubt_is_due_at_once() -> None:
    """Whatever the interval."""
    pace = Pace(60.0)
    pace.scanned(100.0, 100.0)
    assert not pace.is_scan_due(101.0)
    pace.doubt()
    assert pace.is_scan_due(101.0)
