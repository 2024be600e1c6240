"""The spool: documents move from new to done or rejected, each with a receipt."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fakes.control import FakeControl
from tflited.domain.job import TriggerSource
from tflited.errors import CannotStartError, OverCapacityError
from tflited.triggers.document import MAX_DOCUMENT_BYTES
from tflited.triggers.spool import Spool, drop, receipt_name
from waiting import wait_until

DOCUMENT = b'{"version": 1, "model": {"path": "a"}}'


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("tmp", "new", "done", "rejected"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def spool(folder: Path, control: FakeControl) -> Spool:
    return Spool(folder, control)


def receipt(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.receipt.json").read_bytes())
    return found


def test_an_accepted_document_is_done(spool: Spool, folder: Path) -> None:
    """Beside it stands the job that answers for it."""
    drop(folder, "a.json", DOCUMENT)
    assert spool.take() == 1
    assert (folder / "done" / "a.json").read_bytes() == DOCUMENT
    assert receipt(folder / "done", "a.json")["job_id"] == 1
    assert list((folder / "new").iterdir()) == []


def test_a_refused_document_is_rejected_with_the_reason(
    spool: Spool, folder: Path, control: FakeControl
) -> None:
    """It is kept, so that its producer can look."""
    control.refusal = "no model there"
    drop(folder, "a.json", DOCUMENT)
    spool.take()
    assert (folder / "rejected" / "a.json").exists()
    assert receipt(folder / "rejected", "a.json")["reason"] == "no model there"


def test_a_document_without_an_id_gets_one_of_its_name_and_content(
    spool: Spool, folder: Path, control: FakeControl
) -> None:
    """So that seeing it twice, after a crash, is the same trigger; another name is another one."""
    for name in ("a.json", "a.json", "b.json"):
        drop(folder, name, DOCUMENT)
        spool.take()
    ids = [json.loads(document)["id"] for document, _ in control.submitted]
    assert ids[0] == ids[1] != ids[2]
    assert control.submitted[0][1] is TriggerSource.SPOOL


@pytest.mark.parametrize("document", [b'{"id": "mine"}', b"not json", b"[1]"])
def test_other_documents_are_handed_on_as_they_are(
    spool: Spool, folder: Path, control: FakeControl, document: bytes
) -> None:
    """An id of its own stays; what is wrong is refused at the one door."""
    drop(folder, "a.json", document)
    spool.take()
    assert control.submitted[0][0] == document


def test_a_deeply_nested_document_ends_no_thread(spool: Spool, folder: Path) -> None:
    """JSON's parser gives up on it in its own way; the next document is taken as ever."""
    drop(folder, "a.json", b'{"model":' * 7_000 + b"1" + b"}" * 7_000)
    drop(folder, "b.json", DOCUMENT)
    assert spool.take() == 2
    assert (folder / "done" / "b.json").exists()


def test_a_link_is_rejected_unread(spool: Spool, folder: Path, control: FakeControl) -> None:
    """Whoever may write the spool must not have the daemon's files read."""
    secret = folder / "secret"
    secret.write_bytes(DOCUMENT)
    (folder / "new" / "a.json").symlink_to(secret)
    spool.take()
    assert control.submitted == []
    assert not receipt(folder / "rejected", "a.json")["is_accepted"]
    assert secret.exists()


def test_a_pipe_does_not_block_the_spool(spool: Spool, folder: Path) -> None:
    """Opening one would wait for a writer."""
    os.mkfifo(folder / "new" / "a.json")
    spool.take()
    assert "regular file" in receipt(folder / "rejected", "a.json")["reason"]


def test_a_folder_is_rejected(spool: Spool, folder: Path) -> None:
    """It can be opened, and is no document all the same."""
    (folder / "new" / "a.json").mkdir()
    spool.take()
    assert (folder / "rejected" / "a.json").is_dir()


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "a" * 243, "\udcff" * 255])
def test_a_receipt_fits_whatever_the_documents_name(spool: Spool, folder: Path, name: str) -> None:
    """A name that leaves no room for an ending is cut; the receipt tells the whole of it."""
    drop(folder, name, DOCUMENT)
    spool.take()
    assert (folder / "done" / name).exists()
    told = json.loads((folder / "done" / receipt_name(name)).read_bytes())
    assert (told["document"], told["job_id"]) == (name, 1)
    assert list((folder / "new").iterdir()) == []


def test_long_names_have_receipts_of_their_own() -> None:
    """Names that differ only where they are cut are told apart; short ones are left as they are."""
    first, second = receipt_name("a" * 254 + "1"), receipt_name("a" * 254 + "2")
    assert first != second
    assert len(first) == len(second) == 255
    assert receipt_name("a" * 242) == "a" * 242 + ".receipt.json"


def test_a_document_that_cannot_be_filed_is_answered_and_told_once(
    spool: Spool, folder: Path, control: FakeControl
) -> None:
    """Its job is made once; it blocks nobody, and is filed when the obstacle is gone."""
    obstacle = folder / "done" / "a.json.receipt.json"
    obstacle.mkdir()
    drop(folder, "a.json", DOCUMENT)
    drop(folder, "b.json", DOCUMENT)
    with capture_logs() as told:
        for _ in range(3):
            spool.take()
    assert (folder / "done" / "b.json").exists()
    assert len(control.submitted) == 2
    filed = [entry for entry in told if entry["event"] == "document_not_filed"]
    assert [entry["document"] for entry in filed] == ["a.json"]
    obstacle.rmdir()
    spool.take()
    assert (folder / "done" / "a.json").exists()
    assert len(control.submitted) == 2


def test_another_document_of_the_same_name_is_answered_anew(
    spool: Spool, folder: Path, control: FakeControl
) -> None:
    """What could not be filed was replaced by its producer meanwhile."""
    (folder / "done" / "a.json.receipt.json").mkdir()
    for content in (DOCUMENT, DOCUMENT + b"\n"):
        drop(folder, "a.json", content)
        spool.take()
    assert len(control.submitted) == 2


def test_trouble_with_the_whole_spool_is_told_once(tmp_path: Path, control: FakeControl) -> None:
    """It is met with every look; the log is not filled with it."""
    control.error = CannotStartError("stopping")
    spool = Spool(tmp_path, control)
    with capture_logs() as told:
        spool.start()
        drop(tmp_path, "a.json", DOCUMENT)
        try:
            wait_until(lambda: control.asked >= 3, 20, what="three looks")
        finally:
            spool.stop(20)
    assert len([entry for entry in told if entry["event"] == "spool_failed"]) == 1


def test_a_document_that_is_too_long_is_rejected(
    spool: Spool, folder: Path, control: FakeControl
) -> None:
    """It is never held in memory whole."""
    drop(folder, "a.json", b" " * (MAX_DOCUMENT_BYTES + 1))
    spool.take()
    assert control.submitted == []
    assert (folder / "rejected" / "a.json").exists()


def test_a_document_that_found_no_engine_stays_new(
    spool: Spool, folder: Path, control: FakeControl
) -> None:
    """Its job is not durable yet; the next start sees it again."""
    control.error = CannotStartError("stopping")
    path = drop(folder, "a.json", DOCUMENT)
    with pytest.raises(CannotStartError):
        spool.take()
    assert path.exists()


def test_what_lies_in_tmp_is_not_looked_at(spool: Spool, folder: Path) -> None:
    """It is still being written."""
    (folder / "tmp" / "a.json").write_bytes(DOCUMENT)
    assert spool.take() == 0


def test_the_thread_takes_what_is_dropped(tmp_path: Path, control: FakeControl) -> None:
    """It makes its folders and looks by itself."""
    folder = tmp_path / "spool"
    spool = Spool(folder, control)
    spool.start()
    try:
        drop(folder, "a.json", DOCUMENT)
        wait_until((folder / "done" / "a.json").exists, 20, what="the document")
    finally:
        spool.stop(20)


def test_what_a_kill_left_is_gone_after_the_start(tmp_path: Path, control: FakeControl) -> None:
    """A receipt that was being written when the daemon was killed is written anew."""
    spool = Spool(tmp_path / "spool", control)
    for name in ("done", "rejected"):
        (tmp_path / "spool" / name).mkdir(parents=True)
        (tmp_path / "spool" / name / ".tflited-0123456789abcdef.tmp").write_bytes(b"{")
    spool.start()
    spool.stop(5.0)
    assert not list((tmp_path / "spool").rglob("*.tmp"))


def test_a_full_queue_leaves_the_spool_as_it_is(folder: Path, control: FakeControl) -> None:
    """Documents stay untouched, one line tells it, and all are taken once there is room."""
    for name in ("a.json", "b.json"):
        drop(folder, name, DOCUMENT)
    control.error = OverCapacityError("queue: observed 2, allowed 2.")
    spool = Spool(folder, control)
    with capture_logs() as logs:
        spool.start()
        wait_until(lambda: control.asked >= 3, 10, what="three looks")
        assert sorted(path.name for path in (folder / "new").iterdir()) == ["a.json", "b.json"]
        assert list((folder / "rejected").iterdir()) == []
        control.error = None
        wait_until(lambda: len(list((folder / "done").glob("*.json"))) == 4, 10)
        spool.stop(5)
    assert [log["event"] for log in logs].count("spool_waits") == 1
