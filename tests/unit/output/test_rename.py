"""The atomic swap of directories, over the real system call."""

import errno
import os
from pathlib import Path

import pytest

from tflited import durable
from tflited.output import rename


def folder(path: Path, mark: str) -> Path:
    path.mkdir(parents=True)
    (path / "mark").write_text(mark)
    return path


def mark(path: Path) -> str:
    return (path / "mark").read_text()


def test_a_free_place_is_filled(tmp_path: Path) -> None:
    """The stage is gone, its content is in place."""
    new = folder(tmp_path / "stage" / "1", "new")
    target = tmp_path / "target"
    assert not rename.place(new, target)
    assert mark(target) == "new"
    assert not new.exists()


def test_a_taken_place_is_exchanged(tmp_path: Path) -> None:
    """What was there stands at the stage now: it was never away."""
    new, target = folder(tmp_path / "stage" / "1", "new"), folder(tmp_path / "target", "old")
    assert rename.place(new, target)
    assert (mark(target), mark(new)) == ("new", "old")


def test_both_parents_are_synced_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after the return cannot bring the old set back."""
    seen: list[tuple[Path, bool]] = []
    new, target = folder(tmp_path / "stage" / "1", "new"), tmp_path / "target"
    monkeypatch.setattr(
        durable, "sync_directory", lambda path: seen.append((path, target.exists()))
    )
    rename.place(new, target)
    assert seen == [(tmp_path, True), (tmp_path / "stage", True)]


def test_a_move_never_replaces(tmp_path: Path) -> None:
    """A number that is taken is an error, not a loss."""
    first, second = folder(tmp_path / "1", "a"), folder(tmp_path / "2", "b")
    with pytest.raises(FileExistsError):
        rename.move(first, second)
    assert (mark(first), mark(second)) == ("a", "b")


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    """The error carries the call's number and both names."""
    with pytest.raises(FileNotFoundError, match="missing") as caught:
        rename.move(tmp_path / "missing", tmp_path / "new")
    assert caught.value.filename2 == str(tmp_path / "new")


def test_this_file_system_can_exchange(tmp_path: Path) -> None:
    """The trial says yes where it works, and leaves nothing behind."""
    assert rename.can_exchange(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", sorted(rename.UNSUPPORTED))
def test_a_file_system_without_exchange_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """NFS and some of FUSE answer so; the trial says no instead of failing."""

    def refuse(old: Path, new: Path, flags: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(rename, "_renameat2", refuse)
    assert not rename.can_exchange(tmp_path)


def test_a_trial_that_cannot_be_made_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that fails is not taken for one without the call."""

    def fail(old: Path, new: Path, flags: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(rename, "_renameat2", fail)
    with pytest.raises(OSError, match="broken"):
        rename.can_exchange(tmp_path)


def test_a_c_library_without_the_call_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old C library is told apart from a refused rename."""
    monkeypatch.setattr(rename, "_LIBC", object())
    with pytest.raises(OSError, match=os.strerror(errno.ENOSYS)):
        rename.place(folder(tmp_path / "1", "a"), tmp_path / "2")
    assert not rename.can_exchange(tmp_path)


def test_a_move_without_the_flag_never_replaces_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS and FUSE know the plain rename alone, which would replace an empty folder."""
    monkeypatch.setattr(rename, "_LIBC", object())
    rename.move(folder(tmp_path / "1", "a"), tmp_path / "2")
    assert mark(tmp_path / "2") == "a"
    (tmp_path / "3").mkdir()
    with pytest.raises(FileExistsError):
        rename.move(tmp_path / "2", tmp_path / "3")


def test_a_link_is_replaced_in_one_step(tmp_path: Path) -> None:
    """And never a directory, which would be lost."""
    assert rename.can_link(tmp_path)
    for text in ("one", "two"):
        rename.link(text, tmp_path / "link", tmp_path)
        assert str((tmp_path / "link").readlink()) == text
    folder(tmp_path / "taken", "a")
    with pytest.raises(IsADirectoryError):
        rename.link("one", tmp_path / "taken", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"link", "taken"}
    rename.unlink(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()


def test_a_file_system_without_links_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT answers EPERM."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert not rename.can_link(tmp_path)
