"""Hints from a real inotify: every change is hinted at, and lost sight is told."""

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_trees import write
from tflited.sources import inotify
from tflited.sources.emitter import HintKind
from tflited.sources.hints import Hint, HintWatcher
from waiting import wait_until

DEADLINE_SECONDS = 20.0


class Watched:
    """A watched root and the hints that came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hints: queue.SimpleQueue[Hint] = queue.SimpleQueue()
        self.seen: list[Hint] = []
        self.watcher = HintWatcher(path, self.hints.put)

    def start(self) -> None:
        """Watches; every watch is in place when this returns."""
        self.watcher.start()
        assert self.watcher.ensure()

    def has(self, path: str, kind: HintKind = HintKind.CHANGED) -> bool:
        """Whether such a hint has come."""
        while not self.hints.empty():
            self.seen.append(self.hints.get())
        return Hint(path=path, kind=kind) in self.seen

    def wait_for(self, path: str, kind: HintKind = HintKind.CHANGED) -> None:
        """Waits until such a hint has come."""
        wait_until(lambda: self.has(path, kind), DEADLINE_SECONDS, what=f"{kind} at {path!r}")

    def write_until_seen(self, path: str) -> None:
        """Writes to a file again and again until it is hinted at: its folder may be quite new."""

        def is_seen() -> bool:
            write(self.path / path)
            return self.has(path)

        wait_until(is_seen, DEADLINE_SECONDS, what=f"a hint at {path}")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "models").mkdir()
    found = Watched(tmp_path / "models")
    yield found
    found.watcher.stop(DEADLINE_SECONDS)


def test_a_new_file_is_hinted_at(watched: Watched) -> None:
    """The hint names the root and the path below it."""
    watched.start()
    write(watched.path / "a.keras")
    watched.wait_for("a.keras")


def test_folders_that_are_there_are_watched(watched: Watched) -> None:
    """The whole tree, not only its top."""
    (watched.path / "deep" / "deeper").mkdir(parents=True)
    watched.start()
    write(watched.path / "deep" / "deeper" / "a.keras")
    watched.wait_for("deep/deeper/a.keras")


def test_a_new_folder_is_watched(watched: Watched) -> None:
    """Also a tree made in one go, faster than watches can follow."""
    watched.start()
    (watched.path / "x" / "y" / "z").mkdir(parents=True)
    watched.wait_for("x")
    watched.write_until_seen("net/variables/variables.index")


def test_a_renamed_folder_is_hinted_at_by_its_new_name(watched: Watched) -> None:
    """A kept path would send the scan to a folder that is no more."""
    (watched.path / "old" / "below").mkdir(parents=True)
    watched.start()
    (watched.path / "old").rename(watched.path / "new")
    watched.wait_for("new")
    watched.write_until_seen("new/below/a.keras")
    assert not [hint for hint in watched.seen if hint.path.startswith("old/")]


def test_a_folder_moved_out_is_no_longer_watched(watched: Watched, tmp_path: Path) -> None:
    """What happens outside the root is nobody's business."""
    (watched.path / "net").mkdir()
    watched.start()
    (watched.path / "net").rename(tmp_path / "outside")
    watched.wait_for("net")
    write(watched.path / "first")
    watched.wait_for("first")  # the move has been taken in before this
    write(tmp_path / "outside" / "a.keras")
    write(watched.path / "second")
    watched.wait_for("second")
    assert not [hint for hint in watched.seen if hint.path.endswith("a.keras")]


def test_a_removed_file_is_hinted_at(watched: Watched) -> None:
    """Removal is a change like any other."""
    path = write(watched.path / "a.keras")
    watched.start()
    path.unlink()
    watched.wait_for("a.keras")


def test_a_lost_root_is_told_and_watched_again(watched: Watched) -> None:
    """A root that went away and came back is seen again after the next ensure()."""
    watched.start()
    watched.path.rename(watched.path.with_name("away"))
    watched.wait_for("", HintKind.LOST)
    watched.path.mkdir()
    wait_until(watched.watcher.ensure, DEADLINE_SECONDS, what="a new watch")
    write(watched.path / "a.keras")
    watched.wait_for("a.keras")


def test_a_watched_root_is_not_watched_twice(watched: Watched) -> None:
    """ensure() may be called before every scan."""
    watched.start()
    assert not watched.watcher.ensure()


def test_a_root_that_comes_later_is_watched(watched: Watched) -> None:
    """A missing root leaves no dead watch that would look alive."""
    watched.path.rmdir()
    watched.watcher.start()
    watched.watcher.ensure()
    watched.path.mkdir()
    wait_until(watched.watcher.ensure, DEADLINE_SECONDS, what="a new watch")
    write(watched.path / "a.keras")
    watched.wait_for("a.keras")


def test_stopping_after_a_root_was_lost(watched: Watched) -> None:
    """The end of a watch that has ended by itself is no error."""
    watched.start()
    watched.path.rename(watched.path.with_name("away"))
    watched.wait_for("", HintKind.LOST)
    wait_until(
        lambda: not any(emitter.is_alive() for emitter in watched.watcher._observer.emitters),
        DEADLINE_SECONDS,
        what="the end of the watch",
    )
    watched.watcher.stop(DEADLINE_SECONDS)


def test_an_overflow_asks_for_a_full_look(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel says only that something was lost, so anything may have changed."""
    read = inotify.Inotify.read

    def overflowing(self: inotify.Inotify, timeout: float) -> Iterator[inotify.Event]:
        for event in read(self, timeout):
            yield event
            yield inotify.Event(-1, inotify.IN_Q_OVERFLOW, "")

    monkeypatch.setattr(inotify.Inotify, "read", overflowing)
    watched.start()
    write(watched.path / "a.keras")
    watched.wait_for("", HintKind.OVERFLOW)


def test_the_watch_limit_is_told_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes below an unwatched folder are found by scans; the operator learns why."""
    watch = inotify.Inotify.watch

    def limited(self: inotify.Inotify, path: str) -> int:
        if path != str(watched.path):
            raise OSError(28, "No space left on device", str(path))
        return watch(self, path)

    monkeypatch.setattr(inotify.Inotify, "watch", limited)
    for name in ("one", "two", "three"):
        (watched.path / name).mkdir()
    watched.start()
    write(watched.path / "last")
    watched.wait_for("last")
    assert [hint.kind for hint in watched.seen].count(HintKind.WATCH_LIMIT) == 1


def test_stop_ends_every_thread(watched: Watched) -> None:
    """Nothing is left that reads a closed descriptor."""
    watched.start()
    watched.watcher.stop(DEADLINE_SECONDS)
    assert not [emitter for emitter in watched.watcher._observer.emitters if emitter.is_alive()]
