"""``.npz`` and ``.npy``: what is chosen, and what a hostile header cannot do."""

import io
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflited.convert.data import array_files, samples
from tflited.convert.proof import labels
from tflited.domain.figures import TensorSpec
from tflited.errors import ConversionError

Refusal = Callable[..., str]
SPEC = TensorSpec(index=0, name="x", shape=(-1, 2), dtype="float32")


def npy_bytes(shape: str, dtype: str = "<f4", data: bytes = b"") -> bytes:
    """An array whose header says what it is told to."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    padded = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode() + data


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return path


def test_a_bare_array_holds_samples(tmp_path: Path) -> None:
    """For a model with one input no name is needed; the file is mapped, not read whole."""
    np.save(tmp_path / "a.npy", np.arange(20.0).reshape(10, 2))
    found = samples.read([str(tmp_path / "a.npy")], (SPEC,), limit=3)
    assert [found[n]["x"].tolist() for n in range(3)] == [[[0, 1]], [[8, 9]], [[18, 19]]]
    assert found[0]["x"].dtype == np.float32


def test_a_bare_array_has_no_labels(tmp_path: Path) -> None:
    """Accuracy is refused with the form that has some."""
    file = str(tmp_path / "a.npy")
    np.save(file, np.zeros((3, 2)))
    with pytest.raises(ConversionError) as caught:
        labels.read([file], samples.read([file], (SPEC,), limit=3))
    assert "holds no labels" in caught.value.message
    assert "numpy.savez(file, x=x, y=y)" in caught.value.hint


def test_only_files_with_chosen_samples_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers tell the counts; of a hundred files two are unpacked for two samples."""
    files = [str(tmp_path / f"{n:03}.npz") for n in range(100)]
    for file in files:
        np.savez(file, x=np.zeros((5, 2)))
    unpacked = []
    whole = array_files.array

    def counted(file: Path, key: str) -> Any:
        unpacked.append(file.name)
        return whole(file, key)

    monkeypatch.setattr(array_files, "array", counted)
    assert len(samples.read(files, (SPEC,), limit=2)) == 2
    assert unpacked == ["000.npz", "099.npz"]


def test_a_bare_array_of_objects_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """Unpickling runs code."""
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "an array of objects, which are code" in refusal(tmp_path / "a.npy", SPEC)


@pytest.mark.parametrize("shape", ["(1000000000000, 2)", "(4611686018427387904, 2)", "(-4, 2)"])
def test_a_header_that_lies_takes_no_memory(tmp_path: Path, refusal: Refusal, shape: str) -> None:
    """NumPy would ask for terabytes."""
    (tmp_path / "a.npy").write_bytes(npy_bytes(shape, data=bytes(8)))
    assert "its header claims" in refusal(tmp_path / "a.npy", SPEC)
    assert "its header claims" in refusal(archive(tmp_path / "a.npz", x=npy_bytes(shape)), SPEC)


def test_an_archive_bomb_is_not_unpacked(tmp_path: Path, refusal: Refusal) -> None:
    """Three megabytes that unpack to three gigabytes."""
    count = 400_000_000
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("x.npy", "w", force_zip64=True) as stream,
    ):
        stream.write(npy_bytes(f"({count}, 2)"))
        for _ in range(count * 8 // 2**24 + 1):
            stream.write(bytes(2**24))
    tracemalloc.start()
    began = time.monotonic()
    message = refusal(tmp_path / "a.npz", SPEC)
    seconds, peak = time.monotonic() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "use several files" in message
    assert seconds < 1
    assert peak < 2**22


@pytest.mark.parametrize(
    "content",
    [b"", b"no array", npy_bytes("(2, 2)")[:40], npy_bytes("(2, 2)", "|V7"), npy_bytes("2,")],
)
def test_a_broken_bare_array_is_refused(tmp_path: Path, refusal: Refusal, content: bytes) -> None:
    """By name, whatever is wrong with it."""
    (tmp_path / "a.npy").write_bytes(content)
    assert refusal(tmp_path / "a.npy", SPEC).startswith("a.npy: ")


def test_a_damaged_archive_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """A flipped byte breaks the member's checksum."""
    stream = io.BytesIO()
    np.savez(stream, x=np.ones((50, 2), "f4"))
    content = bytearray(stream.getvalue())
    content[300] ^= 255
    (tmp_path / "a.npz").write_bytes(content)
    assert "a.npz: x: cannot be read: Bad CRC-32" in refusal(tmp_path / "a.npz", SPEC)


def test_several_files_of_one_kind_only(tmp_path: Path, refusal: Refusal) -> None:
    """A mixture is a pattern that is too wide; it is told by name."""
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 2)))
    message = refusal([tmp_path / "a.npy", tmp_path / "b.npz"], SPEC)
    assert "b.npz: .npz beside a.npy, which is .npy" in message


@pytest.mark.parametrize("name", ["notes.txt", "Thumbs.db", "README", "a.gif", "a.tfrecord.gz"])
def test_a_file_of_no_known_kind_is_refused(tmp_path: Path, refusal: Refusal, name: str) -> None:
    """With the kinds that are read."""
    (tmp_path / name).touch()
    assert f"{name}: files of this kind" in refusal(tmp_path / name, SPEC)


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.png", "a.wav", "a.tfrecord"])
def test_a_file_that_is_gone_is_refused(tmp_path: Path, refusal: Refusal, name: str) -> None:
    """Whatever the kind, the file is named and not only an error number."""
    spec = {"a.png": (-1, 4, 4, 3)}.get(name, (-1, 2))
    message = refusal(tmp_path / name, TensorSpec(index=0, name="x", shape=spec, dtype="float32"))
    assert f"{name}: cannot be read: No such file or directory" in message
