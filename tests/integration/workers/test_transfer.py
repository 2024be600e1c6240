"""Daemon and worker as processes: either may die at any moment, and no byte goes unproven."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import full_disk
import transfer_ends as ends
from cut_line import CutLine
from namespaced import play
from waiting import wait_until

SIZE_BYTES = 24 * 2**20
MakeDepot = Callable[..., ends.DepotProcess]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file in which no two blocks are alike."""
    path = tmp_path / "net.keras"
    path.write_bytes(b"".join(number.to_bytes(8, "big") * 1024 for number in range(3 * 1024)))
    assert path.stat().st_size == SIZE_BYTES
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def make_depot(tmp_path: Path, model: Path) -> Iterator[MakeDepot]:
    with ExitStack() as stack:
        yield lambda port=0: stack.enter_context(ends.depot(tmp_path / "staging", model, port=port))


def has_part(tmp_path: Path) -> bool:
    parts = list((tmp_path / "cache").glob("parts/*"))
    return bool(parts) and parts[0].stat().st_size > SIZE_BYTES // 3


def test_a_killed_worker_is_gone_on_with(
    make_depot: MakeDepot, tmp_path: Path, model: Path, into: Path
) -> None:
    """Its successor fetches the rest, and what it gets is the model."""
    depot = make_depot()
    with CutLine(depot.port, hold_after=SIZE_BYTES // 2).running() as line:
        worker = ends.fetching(depot.offer, tmp_path / "cache", into, url=line.url)
        wait_until(lambda: has_part(tmp_path), 120, what="half of the model")
        assert ends.ended(worker)[0] == -9
    with CutLine(depot.port).running() as line:
        status, told = ends.finished(
            ends.fetching(depot.offer, tmp_path / "cache", into, url=line.url)
        )
        assert status == 0
        assert line.passed < SIZE_BYTES * 3 // 4
    assert Path(told["path"]).read_bytes() == model.read_bytes()
    assert [path.name for path in (tmp_path / "cache").glob("parts/*")] == []


def test_a_daemon_that_came_back_knows_no_old_attempt(
    make_depot: MakeDepot, tmp_path: Path, into: Path
) -> None:
    """The worker's token was the old daemon's; there is nothing to repeat."""
    first = make_depot()
    ends.ended(first.process)
    make_depot(first.port)
    status, told = ends.finished(ends.fetching(first.offer, tmp_path / "cache", into))
    assert (status, told["code"]) == (1, "transfer_ended")


def test_two_workers_share_a_cache(make_depot: MakeDepot, tmp_path: Path, model: Path) -> None:
    """Both at once, one download; each has a file of its own."""
    depot = make_depot()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with CutLine(depot.port, hold_after=SIZE_BYTES // 2).running() as line:
        workers = [
            ends.fetching(depot.offer, tmp_path / "cache", tmp_path / name, url=line.url)
            for name in ("one", "two")
        ]
        wait_until(lambda: has_part(tmp_path), 120, what="half of the model")
        line.let_go()
        answers = [ends.finished(worker) for worker in workers]
        assert line.passed < SIZE_BYTES * 5 // 4
    paths = [Path(told["path"]) for _, told in answers]
    assert [path.read_bytes() == model.read_bytes() for path in paths] == [True, True]
    assert len({path.stat().st_ino for path in paths}) == 2


def test_a_worker_killed_while_it_delivers_has_delivered_nothing(
    make_depot: MakeDepot, tmp_path: Path, model: Path
) -> None:
    """There is no half set; the end of the attempt leaves no file."""
    depot = make_depot()
    left = tmp_path / "left"
    left.mkdir()
    (left / "a").write_bytes(model.read_bytes())
    staging = tmp_path / "staging" / ends.ATTEMPT
    with CutLine(depot.port, slow_target=True).running() as line:
        worker = ends.delivering(depot.offer, left, url=line.url)
        wait_until(lambda: list(staging.glob("parts/*")), 120, what="the file's beginning")
        ends.ended(worker)
    assert depot.ask("delivered") is None
    depot.ask("withdraw")
    assert not staging.exists()


def test_a_delivery_crosses_from_process_to_process(
    make_depot: MakeDepot, tmp_path: Path, model: Path
) -> None:
    """And is fenced off once the attempt is over."""
    depot = make_depot()
    left = tmp_path / "left" / "int8"
    left.mkdir(parents=True)
    (left / "net.tflite").write_bytes(model.read_bytes())
    assert ends.finished(ends.delivering(depot.offer, left.parent))[0] == 0
    arrived = Path(depot.ask("delivered"))
    assert (arrived / "int8" / "net.tflite").read_bytes() == model.read_bytes()
    depot.ask("withdraw")
    status, told = ends.finished(ends.delivering(depot.offer, left.parent))
    assert (status, told["code"]) == (1, "transfer_ended")
    assert not arrived.exists()


@pytest.mark.requires_program("unshare", "apt-get install util-linux")
def test_a_full_disk_on_either_side_is_an_error_that_passes(tmp_path: Path) -> None:
    """Before the first byte and in the middle; with room the same delivery and fetch work."""
    seen = play("full_transfer", tmp_path, full_disk)
    assert seen["announced"] == "transfer_full"
    assert seen["written"] == 507
    assert seen["fetched"] == "transfer_full"
    assert seen["litter"] == []
    assert seen["later"] == [True, True]
