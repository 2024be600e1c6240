"""A daemon that dies in the middle of a transfer: what a worker has is not lost."""

from pathlib import Path

import transfer_ends as ends
from cut_line import CutLine
from waiting import wait_until

SIZE_BYTES = 24 * 2**20


def has_part(tmp_path: Path) -> bool:
    """Whether a good part of the model is there."""
    parts = list((tmp_path / "cache").glob("parts/*"))
    return bool(parts) and parts[0].stat().st_size > SIZE_BYTES // 3


def test_a_killed_daemon_ends_the_transfer(tmp_path: Path) -> None:
    """The worker gives up by itself, leaves the attempt nothing, and goes on with the next one."""
    model, into = tmp_path / "net.keras", tmp_path / "into"
    model.write_bytes(b"".join(number.to_bytes(8, "big") * 1024 for number in range(3 * 1024)))
    into.mkdir()
    with (
        ends.depot(tmp_path / "staging", model) as depot,
        CutLine(depot.port, hold_after=SIZE_BYTES // 2).running() as line,
    ):
        worker = ends.fetching(depot.offer, tmp_path / "cache", into, url=line.url)
        wait_until(lambda: has_part(tmp_path), 120, what="half of the model")
        ends.ended(depot.process)
        line.let_go()
        status, told = ends.finished(worker)
    assert (status, told["code"]) == (1, "transfer")
    assert list(into.iterdir()) == []
    with (
        ends.depot(tmp_path / "staging", model) as depot,
        CutLine(depot.port).running() as line,
    ):
        worker = ends.fetching(depot.offer, tmp_path / "cache", into, url=line.url)
        status, told = ends.finished(worker)
        assert line.passed < SIZE_BYTES * 3 // 4
    assert Path(told["path"]).read_bytes() == model.read_bytes()
