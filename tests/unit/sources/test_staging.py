"""The private copy: exactly the admitted files, or an error that asks for another look."""

import errno
import os
from pathlib import Path

import pytest

from model_trees import saved_model, write
from tflited.domain.model import Digest, Snapshot
from tflited.domain.ports import Root
from tflited.errors import SourceChangedError, StoragePausedError
from tflited.sources import data, staging
from tflited.sources.digest import Digester
from tflited.sources.scan import DirectoryScanner
from tflited.sources.staging import is_unchanged, stage_data, stage_model


def seen(root: Root, path: str) -> tuple[Snapshot, Digest]:
    snapshot = DirectoryScanner().scan(root).models[path]
    return snapshot, Digester().model(root.path / path, snapshot)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_a_directory_is_copied_without_what_is_no_content(root: Root, scratch: Path) -> None:
    """The child sees the digested files and nothing else."""
    write(saved_model(root.path / "net") / ".DS_Store")
    snapshot, digest = seen(root, "net")
    copy = stage_model(root.path / "net", snapshot, scratch, digest)
    copied = [path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()]
    assert copy == scratch / "net"
    assert sorted(copied) == [name for name, _ in snapshot.files]


def test_a_single_file_keeps_its_name(root: Root, scratch: Path) -> None:
    """Loaders choose by the ending."""
    write(root.path / "net.keras", b"content")
    snapshot, digest = seen(root, "net.keras")
    copy = stage_model(root.path / "net.keras", snapshot, scratch, digest)
    assert (copy.name, copy.read_bytes()) == ("net.keras", b"content")


def test_a_name_with_wildcards_is_copied_under_a_plain_one(root: Root, scratch: Path) -> None:
    """TensorFlow looks for a checkpoint by pattern, and would find none."""
    saved_model(root.path / "n[1]*?\\t")
    snapshot, digest = seen(root, "n[1]*?\\t")
    copy = stage_model(root.path / "n[1]*?\\t", snapshot, scratch, digest)
    assert copy == scratch / "n_1____t"
    assert (copy / "saved_model.pb").exists()


def test_a_change_after_admission_is_seen(root: Root, scratch: Path) -> None:
    """What was admitted is what is built, or nothing is."""
    path = write(root.path / "net.keras", b"content")
    snapshot, digest = seen(root, "net.keras")
    write(path, b"another")
    with pytest.raises(SourceChangedError, match=digest[:12]):
        stage_model(path, snapshot, scratch, digest)


@pytest.mark.parametrize("gone", ["saved_model.pb", "variables"])
def test_a_file_that_went_away_is_seen(root: Root, scratch: Path, gone: str) -> None:
    """A part that vanished is a change, not a failure of the service."""
    folder = saved_model(root.path / "net")
    snapshot, digest = seen(root, "net")
    (folder / gone).rename(root.path / "elsewhere")
    with pytest.raises(SourceChangedError, match="went away"):
        stage_model(folder, snapshot, scratch, digest)


def test_a_full_disk_pauses(root: Root, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for the copy is no fault of the model."""
    path = write(root.path / "net.keras")
    snapshot, digest = seen(root, "net.keras")

    def full(source: Path, target: Path) -> Digest:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(staging, "copy_with_digest", full)
    with pytest.raises(StoragePausedError, match="No space left"):
        stage_model(path, snapshot, scratch, digest)


def test_a_data_file_is_copied_as_it_was_digested(root: Root, scratch: Path) -> None:
    """The copy's digest is the one that the build key holds."""
    path = write(root.path / "layers.py", b"x = 1\n")
    digest = data.digest(Digester(), data.find(str(path)))
    assert stage_data(path, scratch, digest).read_bytes() == b"x = 1\n"


def test_a_data_file_that_changed_or_went_away_is_not_used(root: Root, scratch: Path) -> None:
    """The job is decided anew instead."""
    path = write(root.path / "layers.py", b"x = 1\n")
    digest = data.digest(Digester(), data.find(str(path)))
    path.write_bytes(b"x = 2\n")
    with pytest.raises(SourceChangedError, match=r"layers\.py"):
        stage_data(path, scratch, digest)
    path.unlink()
    with pytest.raises(SourceChangedError, match="went away"):
        stage_data(path, scratch, digest)


def test_what_was_written_replaced_or_removed_has_changed(root: Root) -> None:
    """Told by identity alone, also where size and times are kept."""
    path = write(root.path / "net.keras", b"content")
    snapshot, _ = seen(root, "net.keras")
    assert is_unchanged(path, snapshot)
    kept = path.stat()
    write(path, b"another")
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert not is_unchanged(path, snapshot)
    path.unlink()
    assert not is_unchanged(path, snapshot)


def test_the_copy_is_of_other_blocks_or_a_clone_never_the_same_file(
    root: Root, scratch: Path
) -> None:
    """A writer in place reaches a hard link; it must not reach the copy."""
    path = write(root.path / "net.keras", b"content")
    snapshot, digest = seen(root, "net.keras")
    copy = stage_model(path, snapshot, scratch, digest)
    write(path, b"another")
    assert copy.read_bytes() == b"content"
    assert copy.stat().st_nlink == 1
