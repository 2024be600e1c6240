"""The audit: what was announced, what was only late, and what was missed."""

import pytest

from tflited.sources.audit import GRACE_SECONDS, Audit, is_announced

LATER = GRACE_SECONDS + 0.1


def test_a_change_without_an_event_is_missed_after_the_grace() -> None:
    """It is told once."""
    audit = Audit()
    audit.suspect("net", 0.0)
    assert audit.judge(1.0, is_drained=True) == []
    assert audit.judge(LATER, is_drained=True) == ["net"]
    assert audit.judge(LATER, is_drained=True) == []


@pytest.mark.parametrize("hint", ["net", "net/variables/variables.index", ""])
def test_a_late_event_clears_the_suspicion(hint: str) -> None:
    """Of the model itself, of a part of it, or of a folder above it."""
    audit = Audit()
    audit.suspect("net", 0.0)
    audit.hinted(hint)
    assert audit.judge(LATER, is_drained=True) == []
    assert audit.due() is None


def test_an_event_elsewhere_clears_nothing() -> None:
    """A name that only begins the same is another model."""
    audit = Audit()
    audit.suspect("net", 0.0)
    audit.hinted("network")
    assert audit.judge(LATER, is_drained=True) == ["net"]


def test_nothing_is_judged_while_events_wait_to_be_read() -> None:
    """And a suspicion that never can be judged is dropped, not counted."""
    audit = Audit()
    audit.suspect("net", 0.0)
    assert audit.judge(LATER, is_drained=False) == []
    assert audit.due() is not None
    assert audit.judge(100.0, is_drained=False) == []
    assert audit.due() is None


def test_an_overflow_clears_every_suspicion() -> None:
    """The kernel said itself that events were lost."""
    audit = Audit()
    audit.suspect("net", 0.0)
    audit.clear()
    assert audit.judge(LATER, is_drained=True) == []


def test_announced_is_what_lies_above_or_below_a_hint() -> None:
    """Paths are compared by their parts."""
    assert is_announced("a/net", {"a/net/x"})
    assert is_announced("a/net", {"a"})
    assert not is_announced("a/net", {"a/ne", "b"})
