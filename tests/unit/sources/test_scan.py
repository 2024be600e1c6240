"""The scanner: what is a model, what is part of one, what is in the way, and how scopes widen."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from model_trees import saved_model, write
from tflited.domain.model import ModelKind, Scan
from tflited.domain.ports import Root
from tflited.sources import names
from tflited.sources.listing import identity_of
from tflited.sources.scan import DirectoryScanner


def scan(root: Root, scope: str = "") -> Scan:
    return DirectoryScanner().scan(root, scope)


def test_each_kind_is_found_by_its_name(root: Root) -> None:
    """Directories and files at any depth are models; other files are not."""
    saved_model(root.path / "vision" / "net")
    for name in ("a.keras", "old/b.h5", "old/c.HDF5", "d.hub.toml", "README.md", "weights.bin"):
        write(root.path / name)
    kinds = {path: found.kind for path, found in scan(root).models.items()}
    assert kinds == {
        "vision/net": ModelKind.SAVED_MODEL,
        "a.keras": ModelKind.KERAS,
        "old/b.h5": ModelKind.KERAS_HDF5,
        "old/c.HDF5": ModelKind.KERAS_HDF5,
        "d.hub.toml": ModelKind.HUB,
    }


@pytest.mark.parametrize(
    "first",
    ["saved_model.pb", "fingerprint.pb", "variables/variables.index", "variables/variables.data-0"],
)
def test_a_model_is_seen_from_its_first_file(root: Root, first: str) -> None:
    """Whatever a copy writes first, the directory is one model already."""
    write(root.path / "net" / first)
    assert set(scan(root).models) == {"net"}


def test_the_files_of_a_model_are_sorted_and_complete(root: Root) -> None:
    """Assets count, flags, policies and desktop noise do not."""
    folder = saved_model(root.path / "net")
    for name in ("assets/vocab.txt", ".DS_Store", ".ready", ".tflited.toml"):
        write(folder / name)
    found = scan(root).models["net"]
    assert [name for name, _ in found.files] == [
        "assets/vocab.txt",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    ]
    assert found.is_ready


def test_a_keras_file_inside_a_saved_model_is_part_of_it(root: Root) -> None:
    """A model inside a model would be built twice."""
    write(saved_model(root.path / "net") / "assets" / "extra.keras")
    assert set(scan(root).models) == {"net"}


@pytest.mark.parametrize("name", ["variables/.variables.index.a1B2c3", "upload.part", "x.tmp/y"])
def test_a_temporary_name_inside_blocks(root: Root, name: str) -> None:
    """While somebody writes inside, the model is not settled."""
    write(saved_model(root.path / "net") / name)
    assert scan(root).models["net"].blockers


def test_a_temporary_copy_beside_a_file_blocks_it(root: Root) -> None:
    """Rsync writes the next version beside the present one."""
    write(root.path / "net.keras")
    write(root.path / ".net.keras.a1B2c3")
    found = scan(root).models
    assert set(found) == {"net.keras"}
    assert found["net.keras"].blockers == (".net.keras.a1B2c3",)


def test_a_temporary_copy_of_another_file_blocks_nothing(root: Root) -> None:
    """One long copy does not hold up its neighbours."""
    write(root.path / "net.keras")
    write(root.path / ".other.keras.a1B2c3")
    assert scan(root).models["net.keras"].blockers == ()


def test_a_scope_of_one_file_sees_its_own_flags_and_copies(root: Root) -> None:
    """As a look at all of it does."""
    for name in ("net.keras", ".net.keras.a1B2c3", "net.keras.hold", "other.keras", ".o.keras.xyz"):
        write(root.path / "deep" / name)
    found = scan(root, "deep/net.keras")
    assert found.models["deep/net.keras"] == scan(root).models["deep/net.keras"]
    assert found.models["deep/net.keras"].blockers == (".net.keras.a1B2c3",)
    assert found.models["deep/net.keras"].is_held


def test_a_flat_folder_is_looked_through_once(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name is judged a few times, not once for every other: 10,000 files took minutes."""
    asked: list[str] = []

    def is_temporary(name: str) -> bool:
        asked.append(name)
        return names.is_temporary(name)

    monkeypatch.setattr("tflited.sources.scan.is_temporary", is_temporary)
    for number in range(200):
        write(root.path / f"net{number}.keras")
    assert len(scan(root).models) == 200
    assert len(asked) <= 3 * 200


def test_every_entry_is_progress(root: Root) -> None:
    """A folder with very many files is slow, and does not hang."""
    for number in range(100):
        write(root.path / f"net{number}.keras")
        write(root.path / "saved" / f"part{number}")
    write(root.path / "saved" / "saved_model.pb")
    beats: list[None] = []
    DirectoryScanner(progress=lambda: beats.append(None)).scan(root)
    assert len(beats) >= 200


@pytest.mark.parametrize("flag", [".hold", "vision/.hold", "vision/net/.hold"])
def test_a_hold_flag_holds_everything_below(root: Root, flag: str) -> None:
    """At the root, in a folder, or in the model itself."""
    saved_model(root.path / "vision" / "net")
    write(root.path / flag)
    assert scan(root).models["vision/net"].is_held


def test_flags_of_a_single_file(root: Root) -> None:
    """NAME.hold and NAME.ready belong to one file only."""
    for name in ("a.keras", "a.keras.hold", "b.keras", "b.keras.ready"):
        write(root.path / name)
    found = scan(root).models
    assert (found["a.keras"].is_held, found["a.keras"].is_ready) == (True, False)
    assert (found["b.keras"].is_held, found["b.keras"].is_ready) == (False, True)


def test_policy_files_are_listed(root: Root) -> None:
    """Each with its identity, so that a change marks the models below."""
    policy = write(root.path / "vision" / ".tflited.toml")
    assert scan(root).policies == {"vision/.tflited.toml": identity_of(policy.stat())}


def test_hidden_and_foreign_folders_are_not_searched(root: Root) -> None:
    """Trash, snapshots and version control hold no models."""
    for folder in (".trash", ".git", "@eaDir", "upload.part"):
        write(root.path / folder / "a.keras")
    assert scan(root).models == {}


def test_links_are_not_followed_and_are_told(root: Root, tmp_path: Path) -> None:
    """A link out of the root would import what nobody watches."""
    write(tmp_path / "outside" / "a.keras")
    (root.path / "link").symlink_to(tmp_path / "outside")
    found = scan(root)
    assert found.models == {}
    assert "symbolic link" in found.trouble["link"]


def test_a_link_is_not_followed_by_its_name_either(root: Root, tmp_path: Path) -> None:
    """A trigger may name it, or something below it; neither leads out of the root."""
    saved_model(tmp_path / "outside")
    (root.path / "link").symlink_to(tmp_path / "outside")
    assert scan(root, "link").models == {}
    assert scan(root, "link/variables").models == {}


def test_a_pipe_is_no_model(root: Root) -> None:
    """Opening it would block for ever."""
    os.mkfifo(root.path / "a.keras")
    assert scan(root).models == {}


def test_a_root_that_is_a_model_is_told(root: Root) -> None:
    """Its output would have no name of its own."""
    saved_model(root.path)
    found = scan(root)
    assert found.models == {}
    assert "root itself is a model" in found.trouble[""]


def test_a_missing_root_is_an_outage(root: Root) -> None:
    """An unmounted root must not look like a root whose models were removed."""
    root.path.rmdir()
    with pytest.raises(FileNotFoundError):
        scan(root)


def test_an_unreadable_folder_is_trouble_not_absence(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the root is still found; faked, because root may read every folder."""
    write(root.path / "a.keras")
    write(root.path / "closed" / "b.keras")
    scandir = os.scandir

    def refusing(path: str) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = scan(root)
    assert set(found.models) == {"a.keras"}
    assert found.trouble["closed"] == "Permission denied"


def test_an_edit_in_place_changes_the_snapshot(root: Root) -> None:
    """Also where size and modification time are put back: the change time tells."""
    path = write(root.path / "a.keras", b"old")
    before, status = scan(root).models["a.keras"], path.stat()
    write(path, b"new")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert scan(root).models["a.keras"] != before


@pytest.mark.parametrize(
    ("scope", "widened"),
    [
        ("vision/net/variables/variables.index", "vision/net"),
        ("vision/net", "vision/net"),
        ("vision/net/variables/gone", "vision/net"),
        ("vision", "vision"),
        ("vision/a.keras", "vision/a.keras"),
        ("vision/gone.keras", "vision"),
        ("vision/gone/deeper/still", "vision"),
        ("", ""),
    ],
)
def test_a_scope_widens_to_the_model_or_the_nearest_folder(
    root: Root, scope: str, widened: str
) -> None:
    """A part of a model means the whole model; what is gone means its folder."""
    saved_model(root.path / "vision" / "net")
    write(root.path / "vision" / "a.keras")
    assert scan(root, scope).scope == widened


def test_a_scope_limits_the_walk(root: Root) -> None:
    """A change in one folder does not cost the whole root."""
    write(root.path / "a" / "a.keras")
    write(root.path / "b" / "b.keras")
    assert set(scan(root, "a").models) == {"a/a.keras"}


def test_a_flag_above_the_scope_still_holds(root: Root) -> None:
    """A small look and a full look agree."""
    write(root.path / ".hold")
    write(root.path / "vision" / "a.keras")
    full, part = scan(root), scan(root, "vision/a.keras")
    assert part.models["vision/a.keras"] == full.models["vision/a.keras"]
    assert part.models["vision/a.keras"].is_held


def test_a_vanished_file_at_the_top_is_looked_at_alone(root: Root) -> None:
    """One removed file does not cost a walk of the whole root."""
    write(root.path / "other.keras")
    found = scan(root, "gone.keras")
    assert (found.scope, found.models) == ("gone.keras", {})


@pytest.mark.parametrize("name", [".tflited.toml", ".hold", "a.keras.hold", "a.keras.ready"])
def test_a_policy_or_flag_at_the_top_widens_to_the_whole_root(root: Root, name: str) -> None:
    """What holds for every model of a folder makes the folder be looked at, there or gone."""
    write(root.path / "a.keras")
    write(root.path / name)
    assert set(scan(root, name).models) == {"a.keras"}
    (root.path / name).unlink()
    assert set(scan(root, name).models) == {"a.keras"}
