"""Looking through HDF5 files."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tflited.convert.preflight import hdf5
from tflited.convert.preflight.hdf5 import look_at_hdf5
from tflited.errors import ConversionError


def refusal(path: Path) -> ConversionError:
    with pytest.raises(ConversionError) as refused:
        look_at_hdf5(path, path.name)
    return refused.value


def test_ordinary_storage_passes(tmp_path: Path) -> None:
    """Contiguous, compact, compressed, empty and scalar data, soft and hard links, and a loop."""
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("a/b")
        group["kernel"] = np.ones((10, 10), np.float32)
        group.create_dataset("zeros", data=np.zeros(500_000), compression="gzip")
        group["scalar"], group["none"] = 3, np.zeros((0, 4))
        file["soft"], file["again"] = h5py.SoftLink("/a/b"), group
        file["dangling"] = h5py.SoftLink("/nowhere")
        group["loop"] = file["a"]
    look_at_hdf5(path, path.name)


@pytest.mark.parametrize("kind", ["external", "virtual", "link"])
def test_storage_elsewhere_is_refused(tmp_path: Path, kind: str) -> None:
    """Another file's bytes would be weights (CVE-2026-1669)."""
    path, other = tmp_path / "w.h5", tmp_path / "other"
    other.write_bytes(b"secret" * 100)
    with h5py.File(path, "w") as file:
        group = file.create_group("layers")
        if kind == "external":
            place = [(str(other), 0, 400)]
            group.create_dataset("kernel", shape=(100,), dtype="f4", external=place)
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape=(100,), dtype="f4")
            layout[:] = h5py.VirtualSource(str(other), "x", shape=(100,))
            group.create_virtual_dataset("kernel", layout)
        else:
            group["kernel"] = h5py.ExternalLink(str(other), "/x")
    error = refusal(path)
    assert error.code == "refused_storage"
    assert "/layers/kernel" in error.message


def test_declared_but_not_stored_is_absurd(tmp_path: Path) -> None:
    """13 GB in a file of 2 KB (CVE-2026-0897)."""
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", shape=(60_000, 60_000), dtype="f4")
    error = refusal(path)
    assert error.code == "absurd_size"
    assert "14400000000 bytes, stored are 0" in error.message


def test_what_compresses_beyond_belief_is_absurd(tmp_path: Path) -> None:
    """Chunks that were never written."""
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset("k", (2**32,), "f4", chunks=(2**20,), compression="gzip")
        made[0] = 1.0
    assert refusal(path).code == "absurd_size"


def test_objects_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk is bounded."""
    monkeypatch.setattr(hdf5, "MOST_OBJECTS", 3)
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        for number in range(4):
            file.create_group(str(number))
    assert "more than 3 objects" in refusal(path).message


def test_what_is_no_hdf5_file_is_told(tmp_path: Path) -> None:
    """The library's error leaves as the project's."""
    path = tmp_path / "w.h5"
    path.write_bytes(b"no")
    assert refusal(path).code == "damaged_file"
