"""Digests follow content and names; the cache follows identities."""

from pathlib import Path

from model_trees import saved_model, write
from tflited.domain.model import FileIdentity, ModelKind, Snapshot
from tflited.domain.ports import Root
from tflited.sources.digest import Digester
from tflited.sources.listing import identity_of
from tflited.sources.scan import DirectoryScanner


def seen(root: Root, path: str) -> Snapshot:
    return DirectoryScanner().scan(root).models[path]


def identity(path: Path) -> FileIdentity:
    return identity_of(path.stat())


def test_an_unchanged_identity_is_not_read_again(tmp_path: Path) -> None:
    """The cache answers even where the file can no longer be read."""
    path = write(tmp_path / "a")
    known, digester = identity(path), Digester()
    first = digester.file(path, known)
    path.unlink()
    assert digester.file(path, known) == first


def test_a_changed_identity_is_read_again(tmp_path: Path) -> None:
    """New content under the old name has a new digest."""
    path, digester = write(tmp_path / "a", b"old"), Digester()
    first = digester.file(path, identity(path))
    write(path, b"newer")
    assert digester.file(path, identity(path)) != first


def test_a_model_moved_elsewhere_has_the_same_digest(root: Root) -> None:
    """The digest is of the content below the model, not of the model's place."""
    saved_model(root.path / "a")
    saved_model(root.path / "deep" / "b")
    digester = Digester()
    first = digester.model(root.path / "a", seen(root, "a"))
    assert digester.model(root.path / "deep" / "b", seen(root, "deep/b")) == first


def test_a_renamed_file_changes_the_digest(root: Root) -> None:
    """The same bytes under another name inside a model are another model."""
    folder = saved_model(root.path / "a")
    write(folder / "assets" / "one.txt")
    digester = Digester()
    first = digester.model(folder, seen(root, "a"))
    (folder / "assets" / "one.txt").rename(folder / "assets" / "two.txt")
    assert digester.model(folder, seen(root, "a")) != first


def test_a_forgotten_model_is_read_again(tmp_path: Path) -> None:
    """Content that changed behind an unchanged identity is seen once it is no longer believed."""
    path = write(tmp_path / "a.keras", b"one")
    snapshot = Snapshot(kind=ModelKind.KERAS, files=(("", identity_of(path.lstat())),))
    digester = Digester()
    before = digester.model(path, snapshot)
    write(path, b"two")
    assert digester.model(path, snapshot) == before
    digester.forget(snapshot)
    assert digester.model(path, snapshot) != before
