"""The wait for an output tree that cannot be written."""

import structlog.testing

from fakes.publisher import MemoryPublisher
from tflited.engine.pause import OutputPause


def test_a_pause_is_told_when_it_begins_and_when_it_ends() -> None:
    """Not once for every look at it, and anew when the reason is another one."""
    publisher, pause = MemoryPublisher(), OutputPause()
    with structlog.testing.capture_logs() as logs:
        answers = []
        for publisher.reason in ("", "full", "full", "read-only", "", ""):
            answers.append(pause.is_over(publisher))
    assert answers == [True, False, False, False, True, True]
    assert [(log["event"], log.get("reason")) for log in logs] == [
        ("output_paused", "full"),
        ("output_paused", "read-only"),
        ("output_resumed", None),
    ]
