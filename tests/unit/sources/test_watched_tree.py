"""Which directory a watch stands for, over a real inotify."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from tflited.sources.inotify import Inotify
from tflited.sources.watched_tree import WatchedTree


@pytest.fixture
def source() -> Iterator[Inotify]:
    opened = Inotify()
    yield opened
    opened.close()


def paths(tree: WatchedTree) -> set[str]:
    return set(tree._paths.values())


def test_a_tree_is_watched_with_all_below_it(source: Inotify, tmp_path: Path) -> None:
    """Hidden folders hold no model and take no watch."""
    for name in ("a/b", ".git/objects"):
        (tmp_path / name).mkdir(parents=True)
    tree = WatchedTree(source, str(tmp_path))
    assert tree.renew()
    assert paths(tree) == {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")}


def test_a_folder_that_moved_keeps_no_old_path(source: Inotify, tmp_path: Path) -> None:
    """A name that only begins the same stays watched."""
    for name in ("old/below", "older"):
        (tmp_path / name).mkdir(parents=True)
    tree = WatchedTree(source, str(tmp_path))
    tree.renew()
    (tmp_path / "old").rename(tmp_path / "new")
    tree.drop([str(tmp_path / "old")])
    tree.add(str(tmp_path / "new"))
    names = {Path(path).name for path in paths(tree)} - {tmp_path.name}
    assert names == {"new", "below", "older"}


def test_renewing_drops_what_left_unseen(source: Inotify, tmp_path: Path) -> None:
    """After an overflow nobody told that a folder went."""
    (tmp_path / "models" / "net").mkdir(parents=True)
    tree = WatchedTree(source, str(tmp_path / "models"))
    tree.renew()
    (tmp_path / "models" / "net").rename(tmp_path / "outside")
    tree.renew()
    assert paths(tree) == {str(tmp_path / "models")}


def test_a_missing_root_is_told(source: Inotify, tmp_path: Path) -> None:
    """There is nothing to watch."""
    assert not WatchedTree(source, str(tmp_path / "missing")).renew()


def test_what_is_beyond_the_limit_is_remembered_and_tried_again(
    source: Inotify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its top, and only while it is there."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    watch = source.watch

    def refuse(path: str) -> int:
        if path == str(tmp_path / "a"):
            raise OSError(errno.ENOSPC, "no more", path)
        return watch(path)

    tree = WatchedTree(source, str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(source, "watch", refuse)
        tree.renew()
    assert tree.unwatched == {str(tmp_path / "a"): errno.ENOSPC}
    tree.retry()
    assert tree.unwatched == {}
    assert str(tmp_path / "a" / "b") in paths(tree)
