"""Daemon and worker on hosts of their own, with a cable between that somebody pulls."""

from pathlib import Path

import pytest

import two_hosts
from namespaced import play

pytestmark = [
    pytest.mark.requires_program("unshare", "apt-get install util-linux"),
    pytest.mark.requires_program("ip", "apt-get install iproute2"),
    pytest.mark.requires_program("openssl", "apt-get install openssl"),
    pytest.mark.timeout(900),
]


def test_a_worker_that_was_cut_off_does_no_harm(tmp_path: Path) -> None:
    """Its attempt is lost, what it delivers later is refused, and the job is published once.

    A cut shorter than the time a worker may be silent is no loss at all.
    """
    seen = play("cut_off", tmp_path, two_hosts, "--net", seconds=800)
    assert seen["long"]["state"] == "published"
    assert seen["long"]["attempts"] > 1
    assert set(seen["long"]["ends"]) <= {"worker_lost", "engine_lost"}
    assert seen["short"] == {"state": "published", "attempts": 1, "ends": []}
    assert sorted(seen["published"]) == ["models/long", "models/short"]
    assert seen["staging"] == ["delivered"]
    assert seen["attempts"] == []
    assert seen["left"] == 0
