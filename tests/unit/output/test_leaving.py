"""Sets on their way out stay for a grace, whatever process put them there."""

import os
import time
from pathlib import Path

import pytest

from tflited.output.leaving import GRACE_SECONDS, Leaving


class Clock:
    """Monotonic seconds that a test sets."""

    seconds = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.seconds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leaving").mkdir()
    return tmp_path / "leaving"


def a_set(folder: Path, name: str) -> Path:
    path = folder.parent / name
    path.mkdir()
    (path / "manifest.json").write_text(name)
    return path


def contents(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.rglob("manifest.json"))


def test_a_set_is_out_of_sight_at_once_and_gone_after_the_grace(folder: Path) -> None:
    """Whoever opened its folder reads it to the end."""
    clock = Clock()
    going = Leaving(folder, clock)
    path = a_set(folder, "old")
    reader = os.open(path, os.O_RDONLY)
    going.take(path)
    assert not path.exists()
    clock.seconds += GRACE_SECONDS - 0.1
    going.collect()
    assert contents(folder) == ["old"]
    os.close(os.open("manifest.json", os.O_RDONLY, dir_fd=reader))
    clock.seconds += 0.2
    going.collect()
    assert list(folder.iterdir()) == []
    os.close(reader)


def test_each_set_has_its_own_time(folder: Path) -> None:
    """A later one does not wait for, nor go with, an earlier one."""
    clock = Clock()
    going = Leaving(folder, clock)
    going.take(a_set(folder, "first"))
    clock.seconds += 40
    going.take(a_set(folder, "second"))
    clock.seconds += 30
    going.collect()
    assert contents(folder) == ["second"]


def test_what_an_earlier_process_left_is_found_and_given_the_grace(folder: Path) -> None:
    """A restart does not take a set from under its readers, nor keep it for ever."""
    Leaving(folder).take(a_set(folder, "before"))
    clock = Clock()
    going = Leaving(folder, clock)
    going.collect()
    clock.seconds += GRACE_SECONDS - 1
    going.collect()
    assert contents(folder) == ["before"]
    clock.seconds += 2
    going.collect()
    assert list(folder.iterdir()) == []


def test_what_was_forgotten_long_ago_goes_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single conversion ends long before the grace; the next one tidies up."""
    Leaving(folder).take(a_set(folder, "old"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    Leaving(folder).collect()
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """As in a tree that nothing was published in."""
    Leaving(tmp_path / "missing").collect()
