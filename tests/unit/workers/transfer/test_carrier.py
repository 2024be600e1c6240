"""What a worker fetches is what the daemon has; what it delivers arrives whole or not at all."""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cut_line import CutLine
from tflited.domain.model import Digest
from tflited.errors import (
    SourceChangedError,
    TransferEndedError,
    TransferError,
    TransferRefusedError,
)
from tflited.workers.transfer import line
from tflited.workers.transfer.carrier import Carrier
from tflited.workers.transfer.depot import Depot
from tflited.workers.transfer.offer import Offer
from waiting import wait_until

Through = Callable[[Offer, str], Offer]
ATTEMPT = "7.1"


def content(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder; None for a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def port(depot: Depot) -> int:
    return int(depot.url.rpartition(":")[2])


def set_of(folder: Path, size: int = 300_000) -> Path:
    """What a child leaves."""
    (folder / "set" / "int8").mkdir(parents=True)
    (folder / "set" / "empty").mkdir()
    (folder / "set" / "int8" / "net.tflite").write_bytes(os.urandom(size))
    (folder / "set" / "int8" / "net.h").write_bytes(b"// head\n")
    return folder


def test_a_folder_arrives_as_it_is(depot: Depot, carrier: Carrier, model: Path, into: Path) -> None:
    """Empty files and folders included; the copy is read-only and shares nothing with the cache."""
    offer = depot.offer(ATTEMPT, {"model": model})
    copy = carrier.fetch(Offer.from_json(offer.to_json()), "model", into)
    assert copy == into / "net"
    assert content(copy) == content(model)
    status = (copy / "saved_model.pb").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o444, 1)


def test_a_file_arrives_under_its_own_name(depot: Depot, carrier: Carrier, into: Path) -> None:
    """TensorFlow tells kinds of files by their endings."""
    path = into.parent / "net.keras"
    path.write_bytes(b"archive")
    copy = carrier.fetch(depot.offer(ATTEMPT, {"model": path}), "model", into)
    assert (copy.name, copy.read_bytes()) == ("net.keras", b"archive")


def test_a_second_attempt_asks_for_nothing(
    depot: Depot, carrier: Carrier, model: Path, into: Path, tmp_path: Path
) -> None:
    """The cache has it, though the source is gone meanwhile."""
    offer = depot.offer(ATTEMPT, {"model": model})
    first = carrier.fetch(offer, "model", into)
    depot.withdraw(ATTEMPT)
    (tmp_path / "again").mkdir()
    assert content(carrier.fetch(offer, "model", tmp_path / "again")) == content(first)


def test_a_shared_path_is_used_where_it_holds_the_same(
    make_depot: Callable[..., Depot], carrier: Carrier, model: Path, into: Path
) -> None:
    """The depot is not asked: its attempt is over already."""
    depot = make_depot(shares_paths=True)
    offer = depot.offer(ATTEMPT, {"model": model, "one": model / "saved_model.pb"})
    depot.withdraw(ATTEMPT)
    assert content(carrier.fetch(offer, "model", into)) == content(model)
    assert carrier.fetch(offer, "one", into).read_bytes() == content(model)["saved_model.pb"]


def test_a_shared_path_that_lies_is_not_believed(
    make_depot: Callable[..., Depot], carrier: Carrier, model: Path, into: Path, tmp_path: Path
) -> None:
    """Another host may have other bytes of the same size there: then they are streamed."""
    offer = make_depot(shares_paths=True).offer(ATTEMPT, {"model": model})
    other = tmp_path / "elsewhere" / "net"
    other.mkdir(parents=True)
    for path in model.rglob("*"):
        target = other / path.relative_to(model)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            target.write_bytes(b"x" * path.stat().st_size)
    item = replace(offer.items[0], seen_at=str(other))
    copy = carrier.fetch(replace(offer, items=(item,)), "model", into)
    assert content(copy) == content(model)


def test_a_cut_line_is_taken_up_where_it_broke(
    depot: Depot, carrier: Carrier, model: Path, into: Path, through: Through
) -> None:
    """Three cuts, and not more than the file has come over the line."""
    offer = depot.offer(ATTEMPT, {"model": model / "saved_model.pb"})
    with CutLine(port(depot), cuts=[500_000, 700_000, 100]).running() as cut:
        copy = carrier.fetch(through(offer, cut.url), "model", into)
    assert copy.read_bytes() == (model / "saved_model.pb").read_bytes()
    assert cut.connections == 4
    assert cut.passed < 2_400_000  # without a resumption 3,250,000


def test_a_line_that_never_holds_is_given_up(
    depot: Depot, carrier: Carrier, model: Path, into: Path, through: Through,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With an error that may pass, and nothing half left behind."""
    monkeypatch.setattr(line, "FIRST_WAIT_SECONDS", 0.001)
    offer = depot.offer(ATTEMPT, {"model": model})
    with (
        CutLine(port(depot), cuts=[0] * 100).running() as cut,
        pytest.raises(TransferError, match=r"saved_model\.pb: http") as caught,
    ):
        carrier.fetch(through(offer, cut.url), "model", into)
    assert caught.value.retryable
    assert cut.connections == line.TRIES
    assert not list(into.iterdir())


def test_a_byte_that_changed_on_the_way_is_noticed(
    depot: Depot, carrier: Carrier, model: Path, into: Path, through: Through
) -> None:
    """And asked for again."""
    offer = depot.offer(ATTEMPT, {"model": model / "saved_model.pb"})
    with CutLine(port(depot), damaged={0}).running() as cut:
        copy = carrier.fetch(through(offer, cut.url), "model", into)
    assert copy.read_bytes() == (model / "saved_model.pb").read_bytes()


def test_bytes_that_change_again_and_again_fail(
    depot: Depot, carrier: Carrier, model: Path, into: Path
) -> None:
    """An offer whose digest is another one's never ends in a wrong file."""
    path = model / "saved_model.pb"
    offer = depot.offer(ATTEMPT, {"model": path})
    path.chmod(0o644)
    identity = path.stat()
    path.write_bytes(b"x" * identity.st_size)
    holding = depot._attempts[ATTEMPT][1]
    ((digest, blob),) = holding._blobs.items()
    status = path.stat()
    changed = blob.identity._replace(mtime_ns=status.st_mtime_ns, ctime_ns=status.st_ctime_ns)
    holding._blobs = {digest: replace(blob, identity=changed)}
    with pytest.raises(TransferError, match=r"observed SHA-256 .* 2 times"):
        carrier.fetch(offer, "model", into)


def test_a_file_that_changed_after_the_offer_is_not_served(
    depot: Depot, carrier: Carrier, model: Path, into: Path
) -> None:
    """No worker is sent bytes that nobody digested."""
    offer = depot.offer(ATTEMPT, {"model": model})
    (model / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(SourceChangedError, match="changed since it was offered"):
        carrier.fetch(offer, "model", into)


def test_a_file_that_is_gone_cannot_be_offered(depot: Depot, tmp_path: Path) -> None:
    """The job is looked at again, as when a copy cannot be made."""
    with pytest.raises(SourceChangedError):
        depot.offer(ATTEMPT, {"model": tmp_path / "gone.keras"})


def test_a_link_in_a_folder_cannot_be_offered(depot: Depot, model: Path) -> None:
    """A private copy has none."""
    (model / "link").symlink_to("/etc/passwd")
    with pytest.raises(TransferRefusedError, match="neither a file nor a folder"):
        depot.offer(ATTEMPT, {"model": model})


def test_results_arrive_as_they_are(depot: Depot, carrier: Carrier, tmp_path: Path) -> None:
    """Final only when all of it is there."""
    offer = depot.offer(ATTEMPT, {})
    left = set_of(tmp_path / "left")
    assert depot.delivered(ATTEMPT) is None
    carrier.deliver(offer, left)
    arrived = depot.delivered(ATTEMPT)
    assert arrived is not None
    assert content(arrived) == content(left)
    assert stat.S_IMODE(arrived.stat().st_mode) == 0o700


def test_results_come_through_a_line_that_breaks(
    depot: Depot, carrier: Carrier, tmp_path: Path, through: Through
) -> None:
    """A file that was cut off is sent again; an answer that was lost is asked for again."""
    offer = depot.offer(ATTEMPT, {})
    left = set_of(tmp_path / "left", 3_000_000)
    with CutLine(port(depot), cuts=[0, 60, 90, 20]).running() as cut:
        carrier.deliver(through(offer, cut.url), left)
    arrived = depot.delivered(ATTEMPT)
    assert arrived is not None
    assert content(arrived) == content(left)
    assert not list(arrived.with_name("parts").iterdir())


def test_links_and_pipes_of_a_child_stay_where_they_are(
    depot: Depot, carrier: Carrier, tmp_path: Path
) -> None:
    """What they lead to is not the child's to give away."""
    left = set_of(tmp_path / "left")
    (left / "set" / "link").symlink_to("/etc/passwd")
    (left / "set" / "folder").symlink_to("/etc")
    os.mkfifo(left / "set" / "pipe")
    carrier.deliver(depot.offer(ATTEMPT, {}), left)
    arrived = depot.delivered(ATTEMPT)
    assert arrived is not None
    assert set(content(left)) - set(content(arrived)) == {"set/link", "set/folder", "set/pipe"}


def test_late_results_are_refused(depot: Depot, carrier: Carrier, tmp_path: Path) -> None:
    """An attempt that is over changes nothing any more, and says so for good."""
    offer = depot.offer(ATTEMPT, {})
    left = set_of(tmp_path / "left")
    carrier.deliver(offer, left)
    depot.withdraw(ATTEMPT)
    with pytest.raises(TransferEndedError, match="410"):
        carrier.deliver(offer, left)
    assert depot.delivered(ATTEMPT) is None
    assert not list((tmp_path / "staging").iterdir())


def test_an_attempt_offered_anew_is_another_one(
    depot: Depot, carrier: Carrier, tmp_path: Path
) -> None:
    """The worker of the first offer is fenced off."""
    first, left = depot.offer(ATTEMPT, {}), set_of(tmp_path / "left")
    depot.offer(ATTEMPT, {})
    with pytest.raises(TransferEndedError):
        carrier.deliver(first, left)


def test_results_are_cut_off_when_the_attempt_ends(
    depot: Depot, carrier: Carrier, tmp_path: Path, through: Through
) -> None:
    """In the middle of a file: nothing of it stays, and the worker learns it at once."""
    offer, left = depot.offer(ATTEMPT, {}), set_of(tmp_path / "left", 5_000_000)
    failed: list[Exception] = []

    def deliver(url: str) -> None:
        try:
            carrier.deliver(through(offer, url), left)
        except TransferError as error:
            failed.append(error)

    with CutLine(port(depot), slow_target=True).running() as cut:
        thread = threading.Thread(target=deliver, args=(cut.url,))
        thread.start()
        parts = tmp_path / "staging" / ATTEMPT / "parts"
        wait_until(
            lambda: [path for path in parts.glob("*") if path.stat().st_size > 500_000],
            60,
            what="the beginning of a file",
        )
        depot.withdraw(ATTEMPT)
        thread.join(60)
    assert isinstance(failed[0], TransferEndedError)
    assert not list((tmp_path / "staging").iterdir())


@pytest.mark.parametrize(("most_bytes", "most_files"), [(299_999, 100), (10**6, 4)])
def test_a_worker_does_not_send_more_than_is_allowed(
    depot: Depot, carrier: Carrier, tmp_path: Path, most_bytes: int, most_files: int
) -> None:
    """The refusal names both figures."""
    offer = depot.offer(ATTEMPT, {}, most_bytes=most_bytes, most_files=most_files)
    with pytest.raises(TransferRefusedError, match=f"allowed {most_bytes} in {most_files}"):
        carrier.deliver(offer, set_of(tmp_path / "left"))


def test_a_cancelled_fetch_ends(depot: Depot, carrier: Carrier, model: Path, into: Path) -> None:
    """And leaves nothing."""
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(TransferEndedError, match="cancelled"):
        carrier.fetch(depot.offer(ATTEMPT, {"model": model}), "model", into, cancel=cancel)
    assert not list(into.iterdir())


def test_a_plain_depot_on_another_host_is_refused(
    carrier: Carrier, into: Path, depot: Depot
) -> None:
    """Without certificates only this machine is believed; nothing is sent to any other."""
    offer = replace(depot.offer(ATTEMPT, {"model": into}), url="http://192.0.2.1:8790")
    with pytest.raises(TransferRefusedError, match="without TLS"):
        carrier.deliver(offer, into)


def test_an_offer_of_more_than_its_file_ends(
    depot: Depot, carrier: Carrier, model: Path, into: Path
) -> None:
    """A depot that sends more than it offered fills no disk."""
    offer = depot.offer(ATTEMPT, {"model": model / "saved_model.pb"})
    (file,) = offer.items[0].files
    item = replace(offer.items[0], files=(replace(file, size_bytes=1000),))
    with pytest.raises(TransferRefusedError, match="more than the 1000 bytes"):
        carrier.fetch(replace(offer, items=(item,)), "model", into)


def test_a_digest_that_was_not_offered_is_not_served(
    depot: Depot, carrier: Carrier, model: Path, into: Path
) -> None:
    """A token opens its own attempt's files and no others."""
    depot.offer("8.1", {"model": model / "saved_model.pb"})
    other = depot.offer(ATTEMPT, {"model": model / "variables"})
    file = replace(depot.offer("9.1", {"m": model / "saved_model.pb"}).items[0].files[0])
    item = replace(other.items[0], files=(file,))
    with pytest.raises(TransferRefusedError, match="404"):
        carrier.fetch(replace(other, items=(item,)), "model", into)
    assert Digest(file.sha256)
