"""The quick look at a published set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.manifest import Manifest
from tflited.domain.policy import Policy
from tflited.output.glance import damage
from tflited.output.tree import OutputTree


@pytest.fixture
def tree(tmp_path: Path) -> OutputTree:
    return OutputTree(tmp_path / "output", reserve_bytes=0)


@pytest.fixture
def manifest(tree: OutputTree, tmp_path: Path) -> Manifest:
    report = a_left_set(tmp_path / "scratch")
    published = tree.publish(a_job(), Policy(), a_publish_key(), report, tmp_path / "scratch")
    return published.manifest


def of_a_variant(manifest: Manifest) -> str:
    return next(file.path for file in manifest.files if file.path.endswith(".tflite"))


def test_a_set_as_published_is_whole(tree: OutputTree, manifest: Manifest) -> None:
    """Nothing is found."""
    assert tree.damage(manifest) == ""


def as_link(file: Path) -> None:
    target = file.with_name("elsewhere")
    file.rename(target)
    file.symlink_to(target)


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("hurt", "observed"),
    [
        (lambda file: file.unlink(), "observed No such file or directory"),
        (lambda file: file.write_bytes(file.read_bytes() + b"x"), "allowed"),
        (lambda file: file.write_bytes(b""), "observed 0 bytes"),
        (as_link, "observed something else than a plain file"),
        (as_folder, "observed something else than a plain file"),
    ],
    ids=["missing", "longer", "empty", "link", "folder"],
)
def test_a_file_that_is_not_as_listed_is_named(
    tree: OutputTree, manifest: Manifest, hurt: Callable[[Path], None], observed: str
) -> None:
    """With what was observed; a link is not followed even to the right content."""
    name = of_a_variant(manifest)
    hurt(tree.directory(MODEL) / name)
    found = tree.damage(manifest)
    assert found.startswith(f"{name}: ")
    assert observed in found


def test_a_set_that_is_gone(tmp_path: Path, manifest: Manifest) -> None:
    """Its folder cannot be opened."""
    assert damage(tmp_path / "nowhere", manifest).startswith("its folder cannot be opened")


def test_a_place_that_leads_elsewhere(tree: OutputTree, manifest: Manifest) -> None:
    """A link that the tree did not make is not followed."""
    place = tree.directory(MODEL)
    place.rename(place.with_name("moved"))
    place.symlink_to("moved")
    assert tree.damage(manifest) == "its place is a link to elsewhere"
