"""Files that must survive: the order of steps, and what is left when one fails."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tflited import durable
from tflited.errors import StorageFailedError, StoragePausedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.json"


@pytest.fixture
def tight_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_file_is_written_whole(path: Path) -> None:
    """And nothing else is left beside it."""
    durable.write(path, b"content")
    assert path.read_bytes() == b"content"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_a_file_is_replaced_whole(path: Path) -> None:
    """A reader that has the old one open goes on reading it."""
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        durable.write(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.usefixtures("tight_umask")
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_the_mode_is_the_one_asked_for(path: Path, mode: int) -> None:
    """The umask has no say."""
    durable.write(path, b"", mode=mode)
    assert path.stat().st_mode & 0o777 == mode


def test_data_is_synced_before_the_name_and_the_name_before_the_return(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that a power cut cannot break."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def synced(descriptor: int) -> None:
        is_folder = os.path.isdir(f"/proc/self/fd/{descriptor}")  # noqa: PTH112 - a descriptor
        steps.append("sync folder" if is_folder else "sync file")
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    durable.write(path, b"content")
    assert steps == ["sync file", "rename", "sync folder"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StoragePausedError),
        (errno.EDQUOT, StoragePausedError),
        (errno.EROFS, StoragePausedError),
        (errno.EIO, StorageFailedError),
        (errno.EACCES, PermissionError),
    ],
)
def test_a_failed_sync_keeps_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    """Its class says whether to wait, to restart or to give up; nothing is left beside it."""
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(expected):
        durable.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_the_message_names_the_file(path: Path) -> None:
    """The operator knows which file system to look at."""
    with (
        pytest.raises(StoragePausedError, match=r"No space left on device on .*file\.json"),
        durable.storage_errors(path),
    ):
        raise OSError(errno.ENOSPC, "full")


def test_a_leftover_of_a_crash_is_no_obstacle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's processes have the same number every time."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _die)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            durable.write(path, b"lost")
    assert len(list(path.parent.iterdir())) == 1
    durable.write(path, b"content")
    assert path.read_bytes() == b"content"


def _die(*_: object) -> None:
    raise SystemExit


def test_threads_that_write_one_file_do_not_meet(path: Path) -> None:
    """One of them wins, wholly."""
    failures: list[BaseException] = []

    def write(mark: bytes) -> None:
        try:
            for _ in range(20):
                durable.write(path, mark * 10_000)
        except OSError as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(mark,), name=f"writer-{mark!r}")
        for mark in (b"a", b"b", b"c")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert path.read_bytes() in {mark * 10_000 for mark in (b"a", b"b", b"c")}
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


@pytest.mark.parametrize("name", ["x" * 255, "日" * 85])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    """The temporary name is no longer than the file system allows."""
    durable.write(tmp_path / name, b"content")
    assert (tmp_path / name).read_bytes() == b"content"


def test_a_new_file_replaces_nothing(path: Path) -> None:
    """Who asks for a new file must have no old one."""
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        durable.write_new(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_new_file_is_not_written_through_a_link(path: Path) -> None:
    """Also not where the link leads nowhere."""
    path.symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        durable.write_new(path, b"new")
    assert not (path.parent / "elsewhere").exists()


def test_a_missing_folder_cannot_be_synced(tmp_path: Path) -> None:
    """A name in no directory cannot survive."""
    with pytest.raises(FileNotFoundError):
        durable.sync_directory(tmp_path / "missing")


def test_what_a_killed_write_left_is_swept(path: Path) -> None:
    """And nothing else, whatever its name looks like."""
    left = path.with_name(".tflited-0123456789abcdef.tmp")
    kept = [path, path.with_name(".tflited-notes"), path.with_name("x.tmp")]
    for file in (left, *kept):
        file.write_bytes(b"x")
    durable.sweep(path.parent)
    assert sorted(path.parent.iterdir()) == sorted(kept)


def test_a_moved_file_is_synced_where_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name alone may be lost at a power cut."""
    synced: list[Path] = []
    monkeypatch.setattr(durable, "sync_directory", synced.append)
    (tmp_path / "a").write_text("x")
    (tmp_path / "below").mkdir()
    durable.move(tmp_path / "a", tmp_path / "below" / "b")
    assert (tmp_path / "below" / "b").read_text() == "x"
    assert synced == [tmp_path / "below"]
