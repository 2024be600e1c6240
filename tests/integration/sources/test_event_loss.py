"""The ways in which other watchers lose events, on a real file system with a real inotify.

A to K are the rows of the measured table that the intake was designed after. The next whole scan
is ten minutes away in all of them, so whatever is found was found by a hint.
"""

import ctypes
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_trees import saved_model, write
from tflited.domain.observation import Sight
from tflited.domain.ports import Root
from tflited.sources.emitter import HintEmitter
from watched_root import Watched

RENAME_EXCHANGE = 2
GRAPH = b"another graph"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "models").mkdir()
    return Root(name="models", path=tmp_path / "models")


@pytest.fixture
def seen(root: Root, tmp_path: Path) -> Iterator[Watched]:
    with Watched(root, cache=tmp_path / "cache") as watched:
        yield watched


def edit(folder: Path, name: str = "assets/note.txt") -> None:
    """Changes a model's content."""
    write(folder / name, os.urandom(8))


def test_a_directory_renamed_in_is_seen_and_so_are_later_edits(
    seen: Watched, tmp_path: Path
) -> None:
    """A: its files raised no event here, and its own watches must be new ones."""
    saved_model(tmp_path / "prepared" / "deep")
    (tmp_path / "prepared").rename(seen.root / "in")
    first = seen.wait_for("in/deep", Sight.ADMITTED)
    edit(seen.root / "in" / "deep")
    seen.wait_for_digest("in/deep", first)


def test_a_fast_nested_copy_misses_no_file(seen: Watched) -> None:
    """B: directories made faster than watches can follow."""
    for number in range(60):
        saved_model(seen.root / f"a{number % 4}" / f"b{number % 7}" / f"net{number}")
    for number in range(60):
        seen.wait_for(f"a{number % 4}/b{number % 7}/net{number}", Sight.ADMITTED)


def test_a_real_overflow_is_noticed_and_made_good(seen: Watched) -> None:
    """C: the reader is held up until the kernel's queue runs over."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    watch = seen.watch._roots["models"]
    (emitter,) = watch._hints._observer.emitters
    assert isinstance(emitter, HintEmitter)
    before = seen.whole_looks()
    with emitter._lock:
        noise = seen.root / "noise"
        noise.mkdir()
        for number in range(limit // 2 + 2000):  # each: at least two events
            path = seen.root / f"n{number % 7}"
            path.write_bytes(b"x")
            path.unlink()
        saved_model(seen.root / "net")
    seen.wait_for("net", Sight.ADMITTED)
    assert seen.whole_looks() > before
    assert seen.missed() == 0
    assert sum(look.overflows for look in seen.looks("models")) >= 1
    first = seen.of("net")[-1]
    edit(seen.root / "net")
    seen.wait_for_digest("net", first)


def test_names_that_are_no_utf8_or_odd_are_models_like_others(seen: Watched) -> None:
    """D: a name is bytes; newlines and long names, too."""
    names = [os.fsdecode(b"caf\xe9"), "two\nlines", "n" * 200, " blank "]
    for name in names:
        saved_model(seen.root / name)
    for name in names:
        seen.wait_for(name, Sight.ADMITTED)


def test_a_renamed_watched_directory_is_followed(seen: Watched) -> None:
    """F: the old name is gone, edits come under the new one."""
    saved_model(seen.root / "old")
    seen.wait_for("old", Sight.ADMITTED)
    (seen.root / "old").rename(seen.root / "new")
    seen.wait_for("old", Sight.GONE)
    first = seen.wait_for("new", Sight.ADMITTED)
    edit(seen.root / "new")
    seen.wait_for_digest("new", first)


def test_a_loop_of_links_is_no_loop(seen: Watched) -> None:
    """G: links are not followed, and what lies beside them is found."""
    saved_model(seen.root / "net")
    (seen.root / "loop").symlink_to(seen.root)
    seen.wait_for("net", Sight.ADMITTED)
    assert not seen.sights("loop/net")


def test_a_root_removed_and_made_again_is_watched_again(seen: Watched, tmp_path: Path) -> None:
    """H: it is an outage until it is back with its models, and then nothing is blind."""
    saved_model(seen.root / "net")
    first = seen.wait_for("net", Sight.ADMITTED)
    seen.root.rename(tmp_path / "away")
    seen.wait_for_outage()
    seen.root.mkdir()
    (tmp_path / "away" / "net").rename(seen.root / "net")
    seen.wait(lambda: seen.looks()[-1].is_available, "the root to be back")
    edit(seen.root / "net")
    seen.wait_for_digest("net", first)
    assert Sight.GONE not in seen.sights("net")


def test_removing_and_making_again_twenty_times(seen: Watched) -> None:
    """J: what is there in the end is admitted."""
    for _ in range(20):
        folder = saved_model(seen.root / "net")
        edit(folder)
        shutil.rmtree(folder)
    last = saved_model(seen.root / "net")
    edit(last)
    first = seen.wait_for("net", Sight.ADMITTED)
    edit(last)
    seen.wait_for_digest("net", first)


def test_an_exchange_of_two_directories_keeps_no_old_path(seen: Watched) -> None:
    """K: an edit after it is an edit of the model that has the name now."""
    saved_model(seen.root / "a", data_bytes=100)
    saved_model(seen.root / "b", data_bytes=200)
    first = {name: seen.wait_for(name, Sight.ADMITTED) for name in "ab"}
    exchange(seen.root / "a", seen.root / "b")
    swapped = {name: seen.wait_for_digest(name, first[name]) for name in "ab"}
    assert swapped["a"].digest == first["b"].digest
    edit(seen.root / "a")
    seen.wait_for_digest("a", swapped["a"])
    edit(seen.root / "b")
    seen.wait_for_digest("b", swapped["b"])


def test_kept_times_and_an_older_model_are_changes(seen: Watched, tmp_path: Path) -> None:
    """Identity is compared for inequality: an older file of the same size is another one."""
    folder = saved_model(seen.root / "net")
    graph = folder / "saved_model.pb"
    first = seen.wait_for("net", Sight.ADMITTED)
    older = write(tmp_path / "older", graph.read_bytes()[:-1] + b"\x02")
    os.utime(older, ns=(0, 0))
    older.rename(graph)
    seen.wait_for("net", Sight.SETTLING)
    seen.wait(lambda: seen.sights("net")[-1] is not Sight.SETTLING, "a second verdict")
    assert seen.of("net")[-1].digest != first.digest


def test_one_root_that_hangs_stops_no_other(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said to hang, the other works on, and it is back by itself."""
    monkeypatch.setattr("tflited.sources.watch.HANG_SECONDS", 0.3)
    (tmp_path / "bad").mkdir()
    bad = Root(name="bad", path=tmp_path / "bad")
    with Watched(root, bad, cache=tmp_path / "cache") as seen:
        (emitter,) = seen.watch._roots["bad"]._hints._observer.emitters
        assert isinstance(emitter, HintEmitter)
        with emitter._lock:  # whoever looks at this root waits here, as in a hung system call
            seen.watch.accept_root("bad")
            assert "hangs" in seen.wait_for_outage("bad")
            saved_model(seen.root / "net")
            seen.wait_for("net", Sight.ADMITTED)
        seen.wait(lambda: seen.looks("bad")[-1].is_available, "the root to be back")


def exchange(one: Path, other: Path) -> None:
    """Swaps two names in one system call."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), RENAME_EXCHANGE)
    assert result == 0, os.strerror(ctypes.get_errno())
