"""Admission: whole models pass, and each way to be torn is refused with its own sentence."""

import io
import os
import re
import struct
import zipfile
from pathlib import Path

import h5py
import pytest

from model_trees import checkpoint_index, field, fingerprint, saved_model, write
from tflited.domain.ports import Root
from tflited.errors import ModelRefusedError
from tflited.sources.admission import Wholeness, admit, has_settled
from tflited.sources.scan import DirectoryScanner
from tflited.sources.settle import SettleTracker, Waits


def admit_only(root: Root) -> Wholeness:
    """Admits the one model of a root."""
    ((path, snapshot),) = DirectoryScanner().scan(root).models.items()
    return admit(root.path / path, snapshot)


def settles_early(root: Root) -> bool:
    """Whether the one model of a root, written anew, proves whole before its time is over."""
    ((path, snapshot),) = DirectoryScanner().scan(root).models.items()
    tracker = SettleTracker(snapshot, changed_at=0.0)
    waits = Waits(settle_seconds=3.0, whole_seconds=0.5)
    has = has_settled(root.path / path, tracker, waits, now=1.0)
    assert tracker.has_been_tried
    return has


def refusal(root: Root) -> str:
    """The sentence with which the one model of a root is refused."""
    with pytest.raises(ModelRefusedError) as caught:
        admit_only(root)
    assert caught.value.hint, "a refusal names the next step"
    assert str(root.path) in caught.value.message, "a refusal names the path"
    return caught.value.message


def archive(*, leave_out: str = "") -> bytes:
    """A ``.keras`` archive as Keras 3 lays it out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            if name != leave_out:
                opened.writestr(name, os.urandom(500))
    return stream.getvalue()


def hdf5(path: Path, *, libver: str = "earliest") -> Path:
    """An HDF5 file with one dataset."""
    with h5py.File(path, "w", libver=libver) as opened:
        opened.create_dataset("kernel", data=list(range(1000)))
    return path


def test_a_whole_saved_model_is_admitted(root: Root) -> None:
    """Graph, index and shard are there and long enough."""
    saved_model(root.path / "digits")
    admit_only(root)


def test_a_saved_model_without_variables_is_admitted(root: Root) -> None:
    """A function without weights is a model."""
    write(root.path / "add" / "saved_model.pb", field(1, 1) + field(2, field(2, b"graph")))
    admit_only(root)


def test_an_empty_directory_is_refused(root: Root) -> None:
    """It would be a SavedModel once something is in it."""
    (root.path / "digits").mkdir()
    assert "empty directory" in refusal(root)


def test_a_missing_graph_is_refused(root: Root) -> None:
    """The variables arrived before the graph."""
    (saved_model(root.path / "digits") / "saved_model.pb").unlink()
    assert "saved_model.pb is missing" in refusal(root)


def test_an_empty_graph_is_refused(root: Root) -> None:
    """The file was made and not yet written."""
    write(saved_model(root.path / "digits") / "saved_model.pb", b"")
    assert "0 bytes" in refusal(root)


def test_a_torn_graph_is_refused(root: Root) -> None:
    """The copy stopped inside the graph."""
    write(saved_model(root.path / "digits") / "saved_model.pb", field(2, field(2, b"graph"))[:-1])
    assert "cut short" in refusal(root)


def test_a_preallocated_graph_is_refused(root: Root) -> None:
    """The file has its final size and holds zeros."""
    write(saved_model(root.path / "digits") / "saved_model.pb", bytes(4096))
    assert "cut short or no SavedModel" in refusal(root)


def test_a_graph_cut_between_two_fields_is_refused(root: Root) -> None:
    """What is there is well-formed, and yet there is no graph in it."""
    write(saved_model(root.path / "digits") / "saved_model.pb", field(1, 1))
    assert "holds no graph" in refusal(root)


def test_a_missing_index_is_refused(root: Root) -> None:
    """Data without an index cannot be read."""
    (saved_model(root.path / "digits") / "variables" / "variables.index").unlink()
    assert "variables.index is missing" in refusal(root)


def test_a_torn_index_is_refused(root: Root) -> None:
    """The copy stopped inside the index."""
    index = saved_model(root.path / "digits") / "variables" / "variables.index"
    write(index, index.read_bytes()[:-1])
    assert "cut short" in refusal(root)


def test_a_missing_shard_is_refused(root: Root) -> None:
    """One shard of two is still on its way."""
    folder = saved_model(root.path / "digits") / "variables"
    (folder / "variables.data-00000-of-00001").rename(folder / "variables.data-00000-of-00002")
    index = checkpoint_index({b"a": (0, 0, 8), b"b": (1, 0, 8)}, shards=2)
    write(folder / "variables.index", index)
    assert "variables.data-00001-of-00002 is missing" in refusal(root)


@pytest.mark.parametrize(("data_bytes", "is_whole"), [(99, False), (100, True), (101, True)])
def test_a_short_shard_is_refused(root: Root, data_bytes: int, is_whole: bool) -> None:
    """The index knows how far the last tensor reaches."""
    saved_model(root.path / "digits", data_bytes=data_bytes)
    if is_whole:
        admit_only(root)
    else:
        assert "99 bytes, the index asks for 100" in refusal(root)


def test_a_whole_archive_is_admitted(root: Root) -> None:
    """All members are there and their checksums hold."""
    write(root.path / "digits.keras", archive())
    admit_only(root)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_torn_archive_is_refused(root: Root, share: float) -> None:
    """The directory of a zip file is at its end: any truncation loses it."""
    whole = archive()
    write(root.path / "digits.keras", whole[: int(len(whole) * share)])
    assert "cut short" in refusal(root)


def test_an_archive_with_a_hole_is_refused(root: Root) -> None:
    """Blocks of a preallocated file that are not yet written read as zeros."""
    whole = archive()
    write(root.path / "digits.keras", whole[:700] + bytes(64) + whole[764:])
    assert re.search("checksum of .* is wrong", refusal(root))


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_archive_that_does_not_unpack_is_refused(root: Root, compression: int) -> None:
    """Damage inside a compressed member is a refusal, and no end of the thread that looks."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as opened:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            opened.writestr(name, bytes(range(256)) * 8)
    content = stream.getvalue()
    write(root.path / "digits.keras", content[:50] + b"\xff" * 40 + content[90:])
    assert "digits.keras" in refusal(root)


def test_keras_bomb_is_refused_before_it_is_unpacked(root: Root) -> None:
    """What it declares is a bound on what a pass over its checksums would read."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("model.weights.h5", bytes(80 * 2**20))
    write(root.path / "digits.keras", stream.getvalue())
    assert f"would become {80 * 2**20} bytes" in refusal(root)


def test_an_archive_without_weights_is_refused(root: Root) -> None:
    """Any zip file can be called .keras."""
    write(root.path / "digits.keras", archive(leave_out="model.weights.h5"))
    assert "model.weights.h5 missing" in refusal(root)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_a_whole_hdf5_file_is_admitted(root: Root, libver: str) -> None:
    """The old superblock and the new one are both read."""
    hdf5(root.path / "digits.h5", libver=libver)
    admit_only(root)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("missing_bytes", [1, 4000])
def test_a_torn_hdf5_file_is_refused(root: Root, libver: str, missing_bytes: int) -> None:
    """The superblock says where the file ends."""
    path = hdf5(root.path / "digits.h5", libver=libver)
    write(path, path.read_bytes()[:-missing_bytes])
    assert "cut short" in refusal(root)


def test_a_file_that_is_no_hdf5_is_refused(root: Root) -> None:
    """The ending alone makes no model."""
    write(root.path / "digits.h5", struct.pack("<Q", 7) * 20)
    assert "not an HDF5 file" in refusal(root)


def test_a_link_inside_a_model_is_refused(root: Root) -> None:
    """A link would let the content change behind the watch's back."""
    folder = saved_model(root.path / "digits")
    (folder / "assets").symlink_to(root.path)
    assert "symbolic link" in refusal(root)


def test_a_file_gone_since_the_scan_is_no_verdict(root: Root) -> None:
    """A model that vanished while it was read is looked at again, not called broken."""
    path = write(root.path / "digits.keras", archive())
    snapshot = DirectoryScanner().scan(root).models["digits.keras"]
    path.unlink()
    with pytest.raises(FileNotFoundError):
        admit(path, snapshot)


def test_wrong_bytes_in_a_shard_are_refused(root: Root) -> None:
    """A shard of the right size that is not yet written, or of another export."""
    folder = saved_model(root.path / "digits")
    shard = folder / "variables" / "variables.data-00000-of-00001"
    write(shard, shard.read_bytes()[:-1] + b"x")
    assert "another checksum" in refusal(root)


def test_a_fingerprint_of_the_index_proves_a_model_whole(root: Root) -> None:
    """Without one, graph and weights may be of different exports for all that is known here."""
    folder = saved_model(root.path / "digits")
    assert admit_only(root) is Wholeness.PLAUSIBLE
    assert not settles_early(root)
    write(folder / "fingerprint.pb", fingerprint(folder))
    assert admit_only(root) is Wholeness.WHOLE
    assert settles_early(root)


@pytest.mark.parametrize("content", [b"", field(5, 7), field(5, 7)[:-1], b"\xff" * 70_000])
def test_another_fingerprint_proves_nothing(root: Root, content: bytes) -> None:
    """The model is admitted after its full time, and the child judges it under its policy."""
    folder = saved_model(root.path / "digits")
    write(folder / "fingerprint.pb", content)
    assert admit_only(root) is Wholeness.PLAUSIBLE
    assert not settles_early(root)


def test_a_graph_with_a_hole_is_not_proven(root: Root) -> None:
    """A preallocated file holds together at its first level, and a part was never written."""
    folder = saved_model(root.path / "digits")
    write(folder / "fingerprint.pb", fingerprint(folder))
    graph = field(2, field(2, bytes(1 << 20)))
    with (folder / "saved_model.pb").open("wb") as stream:
        stream.write(graph[:10])
        stream.truncate(len(graph))
    assert admit_only(root) is Wholeness.PLAUSIBLE


def test_an_early_look_never_refuses(root: Root) -> None:
    """A part that is missing may still come."""
    folder = saved_model(root.path / "digits")
    write(folder / "fingerprint.pb", fingerprint(folder))
    (folder / "variables" / "variables.data-00000-of-00001").unlink()
    assert not settles_early(root)


def test_archives_are_proven_by_their_checksums(root: Root) -> None:
    """A cut one is waited for; an HDF5 file of the right size may have a hole in it."""
    path = write(root.path / "digits.keras", archive())
    assert settles_early(root)
    write(path, archive()[:-1])
    assert not settles_early(root)
    path.unlink()
    hdf5(root.path / "digits.h5")
    assert admit_only(root) is Wholeness.PLAUSIBLE
    assert not settles_early(root)


def test_an_asset_that_the_graph_names_is_asked_for(root: Root) -> None:
    """It may come last; and since it has no checksum, only quiet tells that it is all there."""
    folder = saved_model(root.path / "digits")
    asset = field(6, field(2, b"words.txt"))
    write(folder / "saved_model.pb", field(2, field(2, b"graph") + asset))
    write(folder / "fingerprint.pb", fingerprint(folder))
    assert "assets/words.txt is missing" in refusal(root)
    write(folder / "assets" / "words.txt")
    assert admit_only(root) is Wholeness.PLAUSIBLE
