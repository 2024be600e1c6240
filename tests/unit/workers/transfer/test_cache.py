"""The cache gives out only what is right, holds only what it may, and fetches once."""

import fcntl
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from tflited.domain.model import Digest
from tflited.errors import TransferEndedError, TransferError
from tflited.workers.transfer.cache import PART_SECONDS, Cache
from tflited.workers.transfer.offer import FileEntry
from waiting import wait_until

NEVER = threading.Event()


class Source:
    """Fills descriptors, and counts."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.calls = 0
        self.found = list[bytes]()

    @property
    def file(self) -> FileEntry:
        """What is asked for."""
        digest = Digest(hashlib.sha256(self.content).hexdigest())
        return FileEntry(path="net", size_bytes=len(self.content), sha256=digest)

    def fill(self, descriptor: int) -> None:
        """Writes it, and remembers what was there."""
        self.calls += 1
        self.found.append(os.pread(descriptor, 1000, 0))
        os.pwrite(descriptor, self.content, 0)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[int], Cache]:
    return lambda most_bytes: Cache(tmp_path / "cache", most_bytes=most_bytes)


def objects(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "cache" / "objects").iterdir()}


def copied(cache: Cache, source: Source, target: Path) -> bytes:
    cache.copy(source.file, target, source.fill, NEVER)
    return target.read_bytes()


def test_a_file_is_fetched_once(make: Callable[[int], Cache], tmp_path: Path) -> None:
    """And found by another cache on the same folder, as after a restart."""
    source = Source(b"content")
    for number in range(3):
        assert copied(make(100), source, tmp_path / str(number)) == b"content"
    assert source.calls == 1


def test_a_damaged_entry_is_noticed(make: Callable[[int], Cache], tmp_path: Path) -> None:
    """Same size, same time, other bytes: fetched again."""
    cache, source = make(100), Source(b"content")
    copied(cache, source, tmp_path / "first")
    entry = tmp_path / "cache" / "objects" / source.file.sha256
    before = entry.stat()
    entry.chmod(0o600)
    entry.write_bytes(b"CONTENT")
    os.utime(entry, ns=(before.st_atime_ns, before.st_mtime_ns))
    with structlog.testing.capture_logs() as logged:
        assert copied(cache, source, tmp_path / "second") == b"content"
    assert [event["event"] for event in logged] == ["cache_entry_damaged"]
    assert source.calls == 2


def test_a_cache_that_damages_everything_is_given_up(
    make: Callable[[int], Cache], tmp_path: Path
) -> None:
    """With an error that names it; nothing wrong is given out."""
    source = Source(b"content")
    with pytest.raises(TransferError, match="does not keep what it is given"):
        make(100).copy(
            source.file, tmp_path / "copy", lambda descriptor: os.truncate(descriptor, 7), NEVER
        )
    assert not (tmp_path / "copy").exists()


def test_what_was_used_longest_ago_goes(make: Callable[[int], Cache], tmp_path: Path) -> None:
    """Used, not fetched."""
    cache = make(25)
    sources = [Source(bytes([number]) * 10) for number in range(3)]
    for number, source in enumerate(sources[:2]):
        copied(cache, source, tmp_path / str(number))
        os.utime(tmp_path / "cache" / "objects" / source.file.sha256, (number, number))
    copied(cache, sources[0], tmp_path / "again")
    copied(cache, sources[2], tmp_path / "2")
    assert objects(tmp_path) == {sources[0].file.sha256, sources[2].file.sha256}


def test_what_is_in_use_stays(make: Callable[[int], Cache], tmp_path: Path) -> None:
    """Even where the cache is then too large; it goes with the next one."""
    cache, old, new = make(15), Source(b"a" * 10), Source(b"b" * 10)
    copied(cache, old, tmp_path / "old")
    entry = tmp_path / "cache" / "objects" / old.file.sha256
    with entry.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        copied(cache, new, tmp_path / "new")
        assert objects(tmp_path) == {old.file.sha256, new.file.sha256}
    copied(cache, Source(b"c" * 10), tmp_path / "third")
    assert old.file.sha256 not in objects(tmp_path)


def test_a_file_larger_than_the_cache_passes_through(
    make: Callable[[int], Cache], tmp_path: Path
) -> None:
    """And evicts nothing that fits."""
    cache, small, large = make(15), Source(b"small"), Source(b"x" * 50)
    copied(cache, small, tmp_path / "small")
    assert copied(cache, large, tmp_path / "large") == b"x" * 50
    assert objects(tmp_path) == {small.file.sha256}


def test_what_a_dead_process_left_is_gone_on_with(
    make: Callable[[int], Cache], tmp_path: Path
) -> None:
    """The beginning is not fetched again."""
    cache, source = make(100), Source(b"content")
    part = tmp_path / "cache" / "parts" / f"{source.file.sha256}.7"
    part.write_bytes(b"con")
    assert copied(cache, source, tmp_path / "copy") == b"content"
    assert source.found == [b"con"]
    assert not part.exists()


def test_what_nobody_goes_on_with_is_swept(make: Callable[[int], Cache], tmp_path: Path) -> None:
    """After a day; what is younger may be wanted yet, as long as there is room."""
    cache = make(100)
    parts = [tmp_path / "cache" / "parts" / f"{sign * 64}.7" for sign in "ab"]
    for part in parts:
        part.write_bytes(b"con")
    before = parts[0].stat().st_mtime - PART_SECONDS - 60
    os.utime(parts[0], (before, before))
    copied(cache, Source(b"content"), tmp_path / "copy")
    assert [part.exists() for part in parts] == [False, True]


def test_two_that_want_the_same_fetch_it_once(make: Callable[[int], Cache], tmp_path: Path) -> None:
    """The second waits for the first; both have their own copy."""
    source, gate, is_waiting = Source(b"content"), threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        is_waiting.set()
        gate.wait(60)
        source.fill(descriptor)

    caches = [make(100), make(100)]
    threads = [
        threading.Thread(target=cache.copy, args=(source.file, tmp_path / str(number), slow, NEVER))
        for number, cache in enumerate(caches)
    ]
    for thread in threads:
        thread.start()
    assert is_waiting.wait(60)
    gate.set()
    for thread in threads:
        thread.join(60)
    assert [(tmp_path / str(number)).read_bytes() for number in range(2)] == [b"content"] * 2
    assert source.calls == 1


def test_a_wait_for_another_one_can_be_cancelled(
    make: Callable[[int], Cache], tmp_path: Path
) -> None:
    """A cancelled attempt does not wait for somebody else's download."""
    source, cancel = Source(b"content"), threading.Event()
    cache = make(100)
    part = tmp_path / "cache" / "parts" / f"{source.file.sha256}.7"
    with part.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        failed = list[Exception]()

        def copy() -> None:
            try:
                cache.copy(source.file, tmp_path / "copy", source.fill, cancel)
            except TransferEndedError as error:
                failed.append(error)

        thread = threading.Thread(target=copy)
        thread.start()
        cancel.set()
        wait_until(lambda: failed, 20)
        thread.join(20)


def test_a_fetch_that_fails_keeps_its_beginning(
    make: Callable[[int], Cache], tmp_path: Path
) -> None:
    """And its lock is free for the next one."""
    cache, source = make(100), Source(b"content")

    def fail(descriptor: int) -> None:
        os.pwrite(descriptor, b"con", 0)
        raise TransferError("cut")

    with pytest.raises(TransferError, match="cut"):
        cache.copy(source.file, tmp_path / "copy", fail, NEVER)
    assert copied(cache, source, tmp_path / "copy") == b"content"
    assert source.found == [b"con"]
