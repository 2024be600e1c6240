"""Lines of ``status --watch`` in a pipe; the live view is tested on a real terminal."""

from typing import Any

import pytest

from tflited.cli.watch import line_of

EVENT: dict[str, Any] = {
    "job_id": 7,
    "model": {"root": "zoo", "path": "net"},
    "state": "running",
    "stage": None,
    "detail": "",
    "reason": "",
}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({}, "job 7  zoo/net  running"),
        ({"stage": "quantise", "detail": "int8"}, "job 7  zoo/net  quantise int8"),
        ({"stage": "load"}, "job 7  zoo/net  load"),
        ({"state": "failed", "reason": "It crashed."}, "job 7  zoo/net  failed: It crashed."),
    ],
)
def test_an_event_is_a_line(change: dict[str, Any], line: str) -> None:
    """The job, its model, then the stage with its variant, or the state with its reason."""
    assert line_of(EVENT | change) == line
