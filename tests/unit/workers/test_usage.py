"""Measuring a process and a folder from outside."""

import os
from pathlib import Path

import pytest

from tflited.workers import usage
from tflited.workers.usage import Usage, folder_bytes, resident_bytes


def test_memory_of_this_process() -> None:
    """It is what the kernel counts as resident: more than ten megabytes."""
    assert 10 * 2**20 < resident_bytes(os.getpid()) < 8 * 2**30


def test_process_that_is_gone_uses_nothing() -> None:
    """Between its end and the word of it there is nothing to measure."""
    assert resident_bytes(2**22 + 1) == 0


def test_folder_counts_what_lies_on_disk(tmp_path: Path) -> None:
    """Holes cost nothing, folders and empty files an inode, and a link is never followed."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 100_000)
    with (tmp_path / "hole").open("wb") as stream:
        stream.truncate(2**40)
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert 100_000 <= folder_bytes(str(tmp_path)) < 200_000


def test_folder_that_is_gone_has_no_bytes(tmp_path: Path) -> None:
    """A child may remove its folder while it is walked."""
    assert folder_bytes(str(tmp_path / "gone")) == 0


def test_too_many_entries_are_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk is bounded, and a folder it cannot count is over every limit."""
    monkeypatch.setattr(usage, "MOST_ENTRIES", 3)
    for number in range(4):
        (tmp_path / str(number)).touch()
    assert folder_bytes(str(tmp_path)) > 2**60


def test_walks_are_paced(tmp_path: Path) -> None:
    """A second look at once gives the first answer."""
    seen = Usage(pid=os.getpid(), scratch=str(tmp_path))
    seen.measure()
    before = seen.scratch_bytes
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    seen.measure()
    assert seen.scratch_bytes == before
