"""Looking at archives."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from tflited.convert.preflight.archive import look_at_archive
from tflited.domain.limits import Limits
from tflited.errors import ConversionError


def weights(*, is_external: bool = False) -> bytes:
    """A small HDF5 file as bytes."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        if is_external:
            file["kernel"] = h5py.ExternalLink("/etc/passwd", "/x")
        else:
            file["layers/dense/kernel"] = np.ones((50, 50), np.float32)
    return content.getvalue()


def archive(path: Path, *members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def refusal(path: Path, limits: Limits | None = None) -> ConversionError:
    with pytest.raises(ConversionError) as refused:
        look_at_archive(path, limits or Limits(), path.parent)
    return refused.value


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_weights_are_looked_at_in_their_place(tmp_path: Path, compression: int) -> None:
    """Stored or compressed; their size is told, and no copy is left."""
    content = weights()
    members = (("config.json", b"{}"), ("model.weights.h5", content))
    path = archive(tmp_path / "m.keras", *members, compression=compression)
    assert look_at_archive(path, Limits(), tmp_path) == len(content)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_weights_that_lead_out_are_refused(tmp_path: Path, compression: int) -> None:
    """The look goes into the member."""
    members = (("config.json", b"{}"), ("model.weights.h5", weights(is_external=True)))
    path = archive(tmp_path / "m.keras", *members, compression=compression)
    assert refusal(path).code == "refused_storage"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\..\\x"])
def test_members_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    """Whoever unpacks it would write there."""
    error = refusal(archive(tmp_path / "m.keras", (name, b"x")))
    assert error.code == "refused_archive"
    assert repr(name) in error.message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    """One reader takes the first, another the last."""
    path = archive(tmp_path / "m.keras", ("config.json", b"{}"), ("config.json", b"[]"))
    assert "twice" in refusal(path).message


def test_a_link_is_refused(tmp_path: Path) -> None:
    """Unpacked, it would lead anywhere."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as made:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = 0o120777 << 16
        made.writestr(entry, "/etc/passwd")
    assert "no file: 'link'" in refusal(path).message


def test_a_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    """Nothing is unpacked; observed and allowed are told."""
    zeros = ("model.weights.h5", bytes(80 * 2**20))
    path = archive(tmp_path / "m.keras", zeros, compression=zipfile.ZIP_DEFLATED)
    error = refusal(path)
    assert error.code == "refused_archive"
    assert f"observed {80 * 2**20} bytes" in error.message


def test_the_policy_bounds_what_it_may_become(tmp_path: Path) -> None:
    """Whatever the ratio; the key is told."""
    path = archive(tmp_path / "m.keras", ("a", b"x" * 2000))
    assert "limits.archive_bytes" in refusal(path, Limits(archive_bytes=1000)).hint


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    """With the code that a reader knows from elsewhere."""
    path = tmp_path / "m.keras"
    path.write_bytes(b"no")
    assert refusal(path).code == "not_keras"


def test_weights_that_do_not_unpack_are_refused(tmp_path: Path) -> None:
    """Damage inside the compressed member is told as what it is."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(range(256)) * 8)
    content = path.read_bytes()
    path.write_bytes(content[:60] + b"\xff" * 40 + content[100:])
    assert refusal(path).code == "refused_archive"
