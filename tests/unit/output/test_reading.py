"""Held sets: one generation whatever takes its place, files as listed, and no way out of a set."""

import json
import os
from pathlib import Path

import pytest

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.policy import OutputRules, Policy
from tflited.errors import OutputError
from tflited.output.reading import OpenedSet, PublishedSets
from tflited.output.tree import OutputTree

PLACE = str(MODEL)
OPEN = Path("/proc/self/fd")
TFLITE = "float32/mobilenet.tflite"


def publish(root: Path, mark: str, save_to: str | None = None, size: int = 600_000) -> Path:
    """Publishes a set whose files are made of the mark; its directory."""
    tree, scratch = OutputTree(root / "output", reserve_bytes=0), root / f"scratch-{mark}"
    report = a_left_set(scratch, mark=mark, size=size)
    job, policy = a_job(int(mark), save_to=save_to), Policy(output=OutputRules(keep_builds=1))
    return tree.publish(job, policy, a_publish_key(mark), report, scratch).directory


def held(root: Path, place: str = PLACE) -> OpenedSet:
    """The set that is there now."""
    found = PublishedSets(root / "output").hold(place)
    assert found is not None
    return found


def content(opened: OpenedSet, path: str = TFLITE) -> bytes:
    """All bytes of one of its files."""
    return b"".join(opened.open(path).chunks())


def test_every_listed_file_is_the_published_one(tmp_path: Path) -> None:
    """What is read is what is on disk, the manifest included."""
    directory = publish(tmp_path, "1")
    opened = held(tmp_path)
    paths = [file.path for file in opened.listed]

    assert paths == sorted([*(file.path for file in opened.manifest.files), "manifest.json"])
    assert {path: content(opened, path) for path in paths} == {
        path: (directory / path).read_bytes() for path in paths
    }
    assert opened.report().path == MODEL.path
    opened.close()


def test_a_held_set_outlives_its_replacement(tmp_path: Path) -> None:
    """Two publications and the collection of what they replaced change nothing for its reader."""
    publish(tmp_path, "1")
    opened = held(tmp_path)
    publish(tmp_path, "2")
    publish(tmp_path, "3")

    assert content(opened) == b"1" * 600_000
    assert opened.manifest.job == 1
    assert held(tmp_path).manifest.job == 3
    opened.close()


def test_a_set_saved_elsewhere_is_found_by_its_place(tmp_path: Path) -> None:
    """What a trigger's save_to said names the set."""
    publish(tmp_path, "1", save_to="releases/mobile")

    assert held(tmp_path, "releases/mobile").manifest.save_to == "releases/mobile"


@pytest.mark.parametrize(
    "place",
    ["", "/", "..", "models/../models", ".tflited/staging", "models", "a\0b", "\udce9", "x"],
)
def test_no_other_place_holds_a_set(tmp_path: Path, place: str) -> None:
    """Neither a way out nor the private folders nor a folder above a set."""
    publish(tmp_path, "1")

    assert PublishedSets(tmp_path / "output").hold(place) is None


def test_no_link_is_followed_to_a_set(tmp_path: Path) -> None:
    """Whoever may write one folder of the tree does not decide what is read elsewhere."""
    directory = publish(tmp_path, "1")
    moved = tmp_path / "elsewhere"
    directory.parent.rename(moved)
    directory.parent.symlink_to(moved)

    assert PublishedSets(tmp_path / "output").hold(PLACE) is None


@pytest.mark.parametrize("name", ["../../../secret", "/secret", "float32/../../x", "float32//x"])
def test_a_manifest_leads_out_of_no_set(tmp_path: Path, name: str) -> None:
    """A name in it that leaves the set is refused, whoever wrote it."""
    directory = publish(tmp_path, "1")
    (tmp_path / "output" / "secret").write_text("secret")
    document = json.loads((directory / "manifest.json").read_text())
    document["files"][0]["path"] = name
    (directory / "manifest.json").write_text(json.dumps(document))

    with pytest.raises(OutputError, match=r"leaves the set|No such file"):
        held(tmp_path).open(name)


def test_a_file_that_no_manifest_lists_is_not_read(tmp_path: Path) -> None:
    """It is not part of what was published."""
    directory = publish(tmp_path, "1")
    (directory / "stranger.txt").write_text("x")

    with pytest.raises(OutputError, match="listed"):
        held(tmp_path).open("stranger.txt")


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    """Neither is a pipe waited for."""
    directory = publish(tmp_path, "1")
    target = directory / TFLITE
    target.unlink()
    target.symlink_to("/etc/hostname")
    with pytest.raises(OutputError, match="cannot be read"):
        held(tmp_path).open(TFLITE)

    target.unlink()
    os.mkfifo(target)
    with pytest.raises(OutputError, match="no regular file"):
        held(tmp_path).open(TFLITE)


@pytest.mark.parametrize("damaged", [b"", b"1" * 599_999, b"1" * 599_999 + b"2", b"1" * 900_000])
def test_a_damaged_file_never_arrives_whole(tmp_path: Path, damaged: bytes) -> None:
    """Shorter, longer or another content: the last part is withheld."""
    directory = publish(tmp_path, "1")
    (directory / TFLITE).write_bytes(damaged)
    seen: list[bytes] = []

    with pytest.raises(OutputError, match="another content"):
        seen.extend(held(tmp_path).open(TFLITE).chunks())
    assert sum(map(len, seen)) < 600_000


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Held sets, refused ones and ones that are not there leave no descriptor behind."""
    publish(tmp_path, "1")
    before = len(list(OPEN.iterdir()))
    opened = held(tmp_path)
    content(opened)
    opened.close()
    PublishedSets(tmp_path / "output").hold("models")

    assert len(list(OPEN.iterdir())) == before
