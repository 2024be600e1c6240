"""Readers of a set while newer ones take its place: they see one build, and all of it."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from faults import memory
from tflited.domain.policy import Policy
from tflited.output.tree import OutputTree

SWAPS = 120
READERS = 2
FILES = ("manifest.json", "float32/mobilenet.c", "float32/mobilenet.h")


def publish(tree: OutputTree, scratch: Path, number: int) -> None:
    """Publishes a set whose every file says its number."""
    report = a_left_set(scratch / str(number), mark=str(number))
    key = a_publish_key(str(number))
    tree.publish(a_job(number), Policy(), key, report, scratch / str(number))
    tree.collect()  # as the engine does every few seconds


def read(place: Path) -> tuple[int, ...]:
    """The number in each of three files, by a reader who opens the folder once; 0 for no file."""
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return tuple(number_in(folder, name) for name in FILES)
    finally:
        os.close(folder)


def number_in(folder: int, name: str) -> int:
    """Which set a file of an open folder belongs to."""
    try:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
    except FileNotFoundError:
        return 0
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read()
    is_record = name.endswith(".json")
    return int(json.loads(content)["job"]) if is_record else int(content.split()[1])


def reads(place: Path, stop: Event) -> Counter[tuple[int, ...]]:
    """Everything that one reader saw until it was stopped, and how often."""
    seen: Counter[tuple[int, ...]] = Counter()
    while not stop.is_set():
        seen[read(place)] += 1
    return seen


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory.folder() as made:
        yield made


def test_readers_see_whole_sets_of_one_build(folder: Path) -> None:
    """No read mixes two builds, and none misses a file of a set that has just been replaced."""
    tree, stop = OutputTree(folder / "output", reserve_bytes=0), Event()
    publish(tree, folder, 1)
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(reads, tree.directory(MODEL), stop) for _ in range(READERS)]
        for number in range(2, SWAPS + 2):
            publish(tree, folder, number)
        stop.set()
        seen = sum((reader.result() for reader in readers), Counter[tuple[int, ...]]())
    assert [one for one in seen if 0 in one] == []
    assert [one for one in seen if len(set(one)) > 1] == []
    assert len(seen) > SWAPS // 10


def test_a_slow_reader_finds_every_file(folder: Path) -> None:
    """Who opened the folder before several newer sets came reads the one that was there then."""
    tree = OutputTree(folder / "output", reserve_bytes=0)
    publish(tree, folder, 1)
    opened = os.open(tree.directory(MODEL), os.O_RDONLY | os.O_DIRECTORY)
    try:
        for number in range(2, 8):
            publish(tree, folder, number)
        assert [number_in(opened, name) for name in FILES] == [1, 1, 1]
    finally:
        os.close(opened)
