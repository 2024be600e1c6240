"""Which workers get attempts, and the words in which the others are refused."""

from typing import Any

import pytest

from fakes.engine import FixedClock
from tflited.workers.cluster.messages import Description
from tflited.workers.cluster.roster import METRIC, SILENT_SECONDS, Member, Roster

VERSIONS = {"tensorflow": "2.21.0", "distributed": "2026.8.0"}
ADDRESS = "tcp://127.0.0.1:1"


def a_worker(
    *,
    versions: dict[str, str] | None = None,
    protocol: int = 1,
    memory_bytes: int = 4000,
    last_seen: float = 1.0,
    status: str = "running",
) -> dict[str, Any]:
    """A worker as the scheduler lists it."""
    described = Description(
        protocol=protocol,
        name="one",
        versions=VERSIONS if versions is None else versions,
        slots=2,
        memory_bytes=memory_bytes,
    )
    return {
        "status": status,
        "last_seen": last_seen,
        "metrics": {METRIC: described.encode(), "cpu": 3},
    }


def a_roster() -> Roster:
    return Roster(VERSIONS, 2000, FixedClock())


def judged(worker: dict[str, Any]) -> Member:
    (member,) = a_roster().judge({ADDRESS: worker})
    return member


def test_a_worker_like_the_daemon_is_accepted() -> None:
    """Under its own name, with its slots."""
    assert judged(a_worker()) == Member(address=ADDRESS, name="one", slots=2, refusal="")


@pytest.mark.parametrize(
    ("worker", "reason"),
    [
        (
            a_worker(versions=VERSIONS | {"tensorflow": "2.20.0"}),
            "tensorflow 2.20.0 instead of 2.21.0",
        ),
        (a_worker(versions={"tensorflow": "2.21.0"}), "distributed absent instead of 2026.8.0"),
        (a_worker(versions=VERSIONS | {"tflite-micro": "1"}), "tflite-micro 1 instead of absent"),
        (a_worker(protocol=2), "protocol 2 instead of 1"),
        (a_worker(memory_bytes=1999), "1999 bytes of memory, and an attempt reserves 2000"),
        (a_worker(status="paused"), "it is paused"),
        ({"metrics": {}}, "not started by `tflited worker`"),
        ({}, "not started by `tflited worker`"),
        ({"metrics": {METRIC: "{}"}}, "not understood"),
        ({"metrics": {METRIC: 7}}, "not understood"),
    ],
)
def test_another_worker_is_refused_with_the_reason(worker: dict[str, Any], reason: str) -> None:
    """It would make other artifacts, or none; it counts no slot."""
    member = judged(worker)
    assert reason in member.refusal
    assert member.slots == 0


def test_a_silent_worker_gets_nothing_until_it_is_heard() -> None:
    """One that stands still keeps its connection; its heartbeats stop."""
    clock = FixedClock()
    roster = Roster(VERSIONS, 2000, clock)
    roster.judge({ADDRESS: a_worker(last_seen=1.0)})
    clock.advance(SILENT_SECONDS + 1)
    (silent,) = roster.judge({ADDRESS: a_worker(last_seen=1.0)})
    (heard,) = roster.judge({ADDRESS: a_worker(last_seen=2.0)})
    assert "no heartbeat for 16 s" in silent.refusal
    assert not heard.refusal
