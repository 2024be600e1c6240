"""Store and output tree on a real file system that is full or read-only: both pause and resume."""

from pathlib import Path

import pytest

import full_disk
from namespaced import play

pytestmark = pytest.mark.requires_program("unshare", "apt-get install util-linux")


def test_a_full_store_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """What was accepted is there afterwards, once; what was not is not half there."""
    seen = play("full_store", tmp_path, full_disk)
    assert seen["paused"] > 0
    assert seen["kept"] == seen["expected"]
    assert seen["readable"] == 0
    assert seen["ended"] == "failed"


def test_a_start_without_room_is_a_pause(tmp_path: Path) -> None:
    """It is no damage: the next start finds the same file and works."""
    seen = play("store_without_room_at_start", tmp_path, full_disk)
    assert seen["is_refused"]
    assert seen["job"] == 1


def test_a_read_only_store_is_a_pause(tmp_path: Path) -> None:
    """It resumes when the device is writable again."""
    seen = play("read_only_store", tmp_path, full_disk)
    assert seen["is_refused"]
    assert seen["job"] == 1


def test_a_repair_without_room_is_a_pause(tmp_path: Path) -> None:
    """It goes on where it stopped; every job that could be read is there."""
    seen = play("damaged_store_without_room", tmp_path, full_disk)
    assert seen["refusals"] == [True, True]
    assert seen["jobs"] == 12


def test_a_full_output_keeps_the_last_good_set(tmp_path: Path) -> None:
    """Whatever did not fit left no litter; with room the next publication works."""
    seen = play("full_output", tmp_path, full_disk)
    answers, states = seen["answers"][::2], seen["answers"][1::2]
    assert answers[-1] is True
    assert False in answers
    assert states == [[0, 0]] * 4
    assert "full" in seen["reason"]
    assert seen["is_full"]
    assert seen["present"] > 0
    assert (seen["later"], seen["findings"]) == (9, 0)


def test_a_read_only_output_resumes(tmp_path: Path) -> None:
    """Readers go on meanwhile."""
    seen = play("read_only_output", tmp_path, full_disk)
    assert "read-only" in seen["reason"]
    assert seen["is_refused"]
    assert (seen["present"], seen["later"], seen["after"]) == (1, 3, "")


def test_an_upload_without_room_leaves_nothing(tmp_path: Path) -> None:
    """Neither a file that does not fit nor what an archive holds; the next one lands."""
    seen = play("full_upload", tmp_path, full_disk)
    assert seen["refused"] == [True, True]
    assert seen["left"] == []
    assert seen["fits"]
    assert seen["after"] == ["b.keras"]
