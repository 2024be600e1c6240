"""Whether all is well, beside the main column of a page."""

from dataclasses import replace

from fakes.control import NOW, FakeControl
from tflited.domain.status import HealthCheck
from tflited.pages.elements import rendered
from tflited.pages.health import panel


def test_health_tells_what_hinders() -> None:
    """A root that is away, removals that wait, parts that are polled, unknown room."""
    board = FakeControl().board()
    (root,) = board.roots
    ill = replace(
        root, is_available=False, reason="gone", removals_waiting=4, unwatched=9, last_scan_at=NOW
    )
    text = rendered(
        panel(replace(board, roots=(ill,), free_bytes={"Output": float("nan"), "State": 2.0**31}))
    )
    for words in ("away", "gone", "4 removals", "9 directories", "nfs4", "unknown", "2.0 GiB free"):
        assert words in text


def test_a_check_says_why_it_fails() -> None:
    """One that is not required looks milder, and says the same."""
    checks = (
        HealthCheck(name="scan", is_ok=True),
        HealthCheck(name="output", is_ok=False, reason="it is <full>"),
        HealthCheck(name="broker", is_ok=False, reason="it is away", is_required=False),
    )
    text = rendered(panel(replace(FakeControl().board(), checks=checks)))
    assert "it is &lt;full&gt;" in text
    assert "chip warn" in text
    assert "chip bad" in text
