"""A digest is of the whole content; a copy is what was digested."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from model_trees import write
from tflited.content import copy_with_digest, file_digest


def test_a_file_digest_is_sha256(tmp_path: Path) -> None:
    """Files above one chunk are digested whole."""
    content = os.urandom((1 << 20) + 17)
    assert file_digest(write(tmp_path / "a", content)) == hashlib.sha256(content).hexdigest()


def test_a_copy_holds_the_digested_bytes_and_is_read_only(tmp_path: Path) -> None:
    """Nobody changes the private copy by accident."""
    content = os.urandom(3_000_000)
    copy = tmp_path / "copy"
    digest = copy_with_digest(write(tmp_path / "a", content), copy)
    assert digest == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert copy.read_bytes() == content
    assert stat.S_IMODE(copy.stat().st_mode) == 0o444


def test_a_copy_follows_no_link(tmp_path: Path) -> None:
    """A file that was swapped for a link after the scan leads nowhere."""
    link = tmp_path / "link"
    link.symlink_to(write(tmp_path / "secret"))
    with pytest.raises(OSError, match="symbolic links"):
        copy_with_digest(link, tmp_path / "copy")


def test_a_copy_replaces_nothing(tmp_path: Path) -> None:
    """Two copies into one place are a fault of the caller, not a silent overwrite."""
    with pytest.raises(FileExistsError):
        copy_with_digest(write(tmp_path / "a"), write(tmp_path / "copy"))
