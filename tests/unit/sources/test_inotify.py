"""The bare inotify interface against the kernel of this machine."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_trees import write
from tflited.sources.inotify import (
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_IGNORED,
    IN_ISDIR,
    Event,
    Inotify,
)

WAIT_SECONDS = 20.0


@pytest.fixture
def opened() -> Iterator[Inotify]:
    instance = Inotify()
    yield instance
    instance.close()


def test_an_event_carries_watch_mask_and_name(opened: Inotify, tmp_path: Path) -> None:
    """Creating a folder is one event that says that it is a folder."""
    watch = opened.watch(tmp_path)
    (tmp_path / "net").mkdir()
    assert list(opened.read(WAIT_SECONDS)) == [Event(watch, IN_CREATE | IN_ISDIR, "net")]


def test_several_events_are_read_at_once(opened: Inotify, tmp_path: Path) -> None:
    """Names of different lengths are padded differently by the kernel."""
    opened.watch(tmp_path)
    for name in ("a", "b" * 40, "ü"):
        write(tmp_path / name)
    closed = [event.name for event in opened.read(WAIT_SECONDS) if event.mask & IN_CLOSE_WRITE]
    assert closed == ["a", "b" * 40, "ü"]


def test_the_same_folder_gives_the_same_watch(opened: Inotify, tmp_path: Path) -> None:
    """Watching again is how the emitter repairs its tree."""
    assert opened.watch(tmp_path) == opened.watch(tmp_path)


def test_unwatch_is_confirmed(opened: Inotify, tmp_path: Path) -> None:
    """The kernel says IN_IGNORED, after which the number may mean another folder."""
    watch = opened.watch(tmp_path)
    opened.unwatch(watch)
    assert list(opened.read(WAIT_SECONDS)) == [Event(watch, IN_IGNORED, "")]


def test_a_missing_folder_is_told(opened: Inotify, tmp_path: Path) -> None:
    """With the system's own error, so that the caller can tell it from the watch limit."""
    with pytest.raises(FileNotFoundError):
        opened.watch(tmp_path / "gone")


def test_a_file_and_a_link_are_not_watched(opened: Inotify, tmp_path: Path) -> None:
    """Only real folders: a link would lead out of the root."""
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (write(tmp_path / "file"), tmp_path / "link"):
        with pytest.raises(NotADirectoryError):
            opened.watch(path)


def test_a_timeout_gives_no_event(opened: Inotify, tmp_path: Path) -> None:
    """A quiet folder is not an error."""
    opened.watch(tmp_path)
    assert list(opened.read(0.0)) == []


def test_wake_ends_a_read_in_another_thread(opened: Inotify, tmp_path: Path) -> None:
    """Stopping does not wait for the next change."""
    opened.watch(tmp_path)
    reader = threading.Thread(target=lambda: list(opened.read(3600.0)), name="reader")
    reader.start()
    opened.wake()
    reader.join(WAIT_SECONDS)
    assert not reader.is_alive()
