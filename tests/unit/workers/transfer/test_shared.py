"""A shared path is taken only for exactly what was offered."""

import hashlib
import os
from pathlib import Path

import pytest

from tflited.domain.model import Digest
from tflited.workers.transfer.offer import FileEntry, Item
from tflited.workers.transfer.shared import copy_shared


def item(seen_at: str, **files: bytes) -> Item:
    """A folder as a daemon saw it."""
    entries = tuple(
        FileEntry(path=name, size_bytes=len(data), sha256=Digest(hashlib.sha256(data).hexdigest()))
        for name, data in files.items()
    )
    return Item(name="model", base="net", is_folder=True, files=entries, seen_at=seen_at)


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "a").write_bytes(b"one")
    (folder / "b").write_bytes(b"two")
    return folder


def test_the_same_content_is_copied(seen: Path, tmp_path: Path) -> None:
    """Only what was offered: another file there is none of the model's."""
    (seen / "later").write_bytes(b"x")
    target = tmp_path / "copy"
    assert copy_shared(item(str(seen), a=b"one", b=b"two"), target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {"a": b"one", "b": b"two"}


@pytest.mark.parametrize(
    "files", [{"a": b"one", "b": b"TWO"}, {"a": b"one", "b": b"longer"}, {"a": b"one", "c": b"two"}]
)
def test_other_content_is_left(seen: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    """And nothing of it stays."""
    target = tmp_path / "copy"
    assert not copy_shared(item(str(seen), **files), target)
    assert not target.exists()


def test_links_and_pipes_are_not_opened(seen: Path, tmp_path: Path) -> None:
    """A pipe of that name would hold the worker for ever."""
    (seen / "a").unlink()
    os.mkfifo(seen / "a")
    assert not copy_shared(item(str(seen), a=b""), tmp_path / "copy")
    (seen / "a").unlink()
    (seen / "a").symlink_to(seen / "b")
    assert not copy_shared(item(str(seen), a=b"two"), tmp_path / "copy")


@pytest.mark.parametrize("seen_at", ["", "/nowhere/at/all", "/\0"])
def test_a_path_that_is_not_there(tmp_path: Path, seen_at: str) -> None:
    """Means only that the file has to be streamed."""
    assert not copy_shared(item(seen_at, a=b"one"), tmp_path / "copy")
