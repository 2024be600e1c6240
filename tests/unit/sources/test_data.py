"""Calibration and evaluation data: which files a pattern means, and their digest."""

from pathlib import Path

from model_trees import write
from tflited.sources import data
from tflited.sources.digest import Digester


def names(pattern: Path) -> list[str]:
    return [entry.path.name for entry in data.find(str(pattern))]


def test_files_are_found_in_order(tmp_path: Path) -> None:
    """Samples are drawn in this order, so it must not depend on the file system."""
    for name in ("b.npz", "a.npz", "c.txt", "deep/d.npz"):
        write(tmp_path / name)
    assert names(tmp_path / "*.npz") == ["a.npz", "b.npz"]
    assert names(tmp_path / "**" / "*.npz") == ["a.npz", "b.npz", "d.npz"]


def test_what_is_being_written_and_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    """Temporary names, folders and links are no data."""
    write(tmp_path / "a.npz.part")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(write(tmp_path.parent / "outside"))
    assert names(tmp_path / "*") == []


def test_nothing_matches(tmp_path: Path) -> None:
    """A pattern of a folder that is not there finds nothing."""
    assert data.find(str(tmp_path / "gone" / "*.npz")) == ()


def test_the_digest_follows_content(tmp_path: Path) -> None:
    """Other samples, another build key."""
    path, digester = write(tmp_path / "a.npz", b"one"), Digester()
    first = data.digest(digester, data.find(str(path)))
    write(path, b"other")
    assert data.digest(digester, data.find(str(path))) != first


def test_a_wildcard_leads_through_no_link(tmp_path: Path) -> None:
    """A folder policy may not reach out of its root by a linked folder."""
    write(tmp_path / "outside" / "secret.npz")
    write(tmp_path / "root" / "own" / "a.npz")
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "outside")
    assert names(tmp_path / "root" / "*" / "*.npz") == ["a.npz"]


def test_a_link_before_the_first_wildcard_is_followed(tmp_path: Path) -> None:
    """The configuration names it; that it stays inside is checked there."""
    write(tmp_path / "disk" / "a.npz")
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    assert names(tmp_path / "data" / "*.npz") == ["a.npz"]


def digest(pattern: Path) -> str:
    return data.digest(Digester(), data.find(str(pattern)))


def test_a_file_in_another_class_folder_is_another_set(tmp_path: Path) -> None:
    """The folders are the labels: moving a file changes what a model is judged by."""
    pattern = tmp_path / "*" / "*.png"
    moved = write(tmp_path / "cat" / "1.png", b"one")
    write(tmp_path / "cat" / "2.png", b"two")
    write(tmp_path / "dog" / "3.png", b"three")
    first = digest(pattern)
    moved.rename(tmp_path / "dog" / "1.png")
    assert digest(pattern) != first


def test_a_renamed_class_folder_is_another_set(tmp_path: Path) -> None:
    """Its place in the order of names, and so its number, may be another."""
    pattern = tmp_path / "*" / "*.png"
    write(tmp_path / "cat" / "1.png", b"one")
    write(tmp_path / "dog" / "2.png", b"two")
    first = digest(pattern)
    (tmp_path / "cat").rename(tmp_path / "elk")
    assert digest(pattern) != first


def test_the_whole_set_may_move(tmp_path: Path) -> None:
    """What is the same below its common folder is the same data."""
    for place in ("here", "there"):
        write(tmp_path / place / "cat" / "1.png", b"one")
        write(tmp_path / place / "dog" / "2.png", b"two")
    assert digest(tmp_path / "here" / "*" / "*") == digest(tmp_path / "there" / "*" / "*")
