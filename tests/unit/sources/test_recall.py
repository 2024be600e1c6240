"""The cache of what was read: kept, forgotten, damaged."""

from dataclasses import replace
from pathlib import Path

import pytest

from tflited.domain.model import Digest, FileIdentity, ModelKind, Snapshot
from tflited.sources.recall import Recall, state_of

IDENTITY = FileIdentity(device=1, inode=2**63 + 1, size=3, mtime_ns=-4, ctime_ns=5)
DIGEST = Digest("ab" * 32)
SNAPSHOT = Snapshot(kind=ModelKind.SAVED_MODEL, files=(("saved_model.pb", IDENTITY),))
ODD = "caf\udce9\n"


def test_what_was_flushed_is_there_after_a_restart(tmp_path: Path) -> None:
    """Digests by identity, admissions by root and path, odd names included."""
    recall = Recall(tmp_path / "cache")
    recall.keep_file(IDENTITY, DIGEST)
    recall.keep_model("models", ODD, SNAPSHOT, DIGEST)
    recall.close()
    again = Recall(tmp_path / "cache")
    assert again.file(IDENTITY) == DIGEST
    assert again.models("models") == {ODD: (state_of(SNAPSHOT), DIGEST)}
    assert again.models("others") == {}
    again.close()


@pytest.mark.parametrize("key", FileIdentity._fields)
def test_another_identity_is_another_file(key: str) -> None:
    """Any part of it."""
    recall = Recall()
    recall.keep_file(IDENTITY, DIGEST)
    other = IDENTITY._replace(**{key: 77})
    assert recall.file(other) is None
    assert state_of(SNAPSHOT) != state_of(replace(SNAPSHOT, files=(("saved_model.pb", other),)))


def test_what_is_forgotten_is_read_again() -> None:
    """Files and models."""
    recall = Recall()
    recall.keep_file(IDENTITY, DIGEST)
    recall.keep_model("models", "net", SNAPSHOT, DIGEST)
    recall.forget_file(IDENTITY)
    recall.forget_model("models", "net")
    assert recall.file(IDENTITY) is None
    assert recall.models("models") == {}


def test_a_damaged_cache_is_replaced(tmp_path: Path) -> None:
    """It costs reading again, nothing else."""
    (tmp_path / "cache").write_bytes(b"no database" * 1000)
    recall = Recall(tmp_path / "cache")
    recall.keep_file(IDENTITY, DIGEST)
    recall.close()
    again = Recall(tmp_path / "cache")
    assert again.file(IDENTITY) == DIGEST
    again.close()


def test_damage_in_the_middle_is_found_at_the_start(tmp_path: Path) -> None:
    """And not by a model that is digested wrongly; what was in it is read again."""
    path = tmp_path / "cache"
    recall = Recall(path)
    for size in range(2000):
        recall.keep_file(IDENTITY._replace(size=size), DIGEST)
    recall.close()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\xff" * 8192 + content[-4096:])
    again = Recall(path)
    assert again.file(IDENTITY._replace(size=1)) is None
    again.keep_file(IDENTITY, DIGEST)
    again.close()
    last = Recall(path)
    assert last.file(IDENTITY) == DIGEST
    last.close()


def test_a_cache_that_cannot_be_written_is_one_in_memory(tmp_path: Path) -> None:
    """The daemon starts all the same."""
    recall = Recall(tmp_path / "missing" / "cache")
    recall.keep_file(IDENTITY, DIGEST)
    assert recall.file(IDENTITY) == DIGEST
    recall.close()
