"""Names and identities of models."""

import pytest

from tflited.domain.model import (
    SUFFIXES,
    FileIdentity,
    ModelId,
    ModelKind,
    Snapshot,
    is_below,
    kind_of_file,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m.keras", ModelKind.KERAS),
        ("M.KERAS", ModelKind.KERAS),
        ("m.h5", ModelKind.KERAS_HDF5),
        ("m.hdf5", ModelKind.KERAS_HDF5),
        ("m.hub.toml", ModelKind.HUB),
        ("m.toml", None),
        ("m.keras.tmp", None),
        ("keras", None),
        ("saved_model.pb", None),
    ],
)
def test_a_files_name_announces_its_kind(name: str, expected: ModelKind | None) -> None:
    """Only the known endings, in any case."""
    assert kind_of_file(name) is expected


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("vision/net", "net"),
        ("vision/net.v2", "net.v2"),
        ("net.keras", "net"),
        ("a/Net.H5", "Net"),
        ("net.hub.toml", "net"),
        ("a/.keras", ".keras"),
        ("net/2", "net_2"),
        ("vision/net/007", "net_007"),
        ("2", "models_2"),
        ("net/2.keras", "2"),
    ],
)
def test_the_stem_is_the_name_without_the_kinds_ending(path: str, stem: str) -> None:
    """Files of a set begin with it; it is never empty."""
    assert ModelId(root="models", path=path).stem == stem


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("net/2", 2),
        ("net/002", 2),
        ("0", 0),
        ("net", None),
        ("net/v2", None),
        ("net/-1", None),
        ("net/1.5", None),
        ("net/\u0662", None),
        ("net/" + "9" * 20, None),
        ("", None),
    ],
)
def test_a_folder_with_a_number_is_a_version(path: str, version: int | None) -> None:
    """As TensorFlow Serving reads it: digits of ASCII, leading zeros mean nothing."""
    assert ModelId(root="models", path=path).version == version


def test_a_root_that_is_a_model_has_a_stem() -> None:
    """The model of the root itself has an empty path and takes the root's name."""
    assert ModelId(root="models", path="").stem == "models"


def test_an_id_reads_like_its_place_in_the_output_tree() -> None:
    """Root, then path; of a root itself, the root alone."""
    assert str(ModelId(root="models", path="a/b")) == "models/a/b"
    assert str(ModelId(root="models", path="")) == "models"


def test_ids_sort_by_root_then_path() -> None:
    """Listings are stable."""
    ids = [ModelId(root=root, path=path) for root in "ba" for path in "21"]
    assert [str(model) for model in sorted(ids)] == ["a/1", "a/2", "b/1", "b/2"]


def test_a_snapshots_size_is_the_sum_of_its_files() -> None:
    """Of no file, zero."""
    identity = FileIdentity(device=1, inode=1, size=7, mtime_ns=0, ctime_ns=0)
    files = (("a", identity), ("b", identity))
    assert Snapshot(kind=ModelKind.SAVED_MODEL, files=files).size_bytes == 14
    assert Snapshot(kind=ModelKind.SAVED_MODEL, files=()).size_bytes == 0


@pytest.mark.parametrize(
    ("path", "scope", "expected"),
    [
        ("a/b", "", True),
        ("a/b", "a", True),
        ("a", "a", True),
        ("ab", "a", False),
        ("a", "a/b", False),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_below_means_whole_components(path: str, scope: str, expected: bool) -> None:
    """A common beginning of a name is no folder."""
    assert is_below(path, scope) is expected


def test_every_file_kind_has_an_ending() -> None:
    """A kind without one would never be found."""
    assert set(SUFFIXES.values()) == set(ModelKind) - {ModelKind.SAVED_MODEL}
