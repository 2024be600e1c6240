"""Good models beside hostile data or hostile policies."""

import io
import os
import pickle  # noqa: TID251 - what must never be unpickled has to be made first
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.lib import format as npy

from faults.hostile.bait import SMALL, Bait, Case, Layer
from faults.hostile.saved_models import saved

Write = Callable[[Path, Bait], None]
DATA: Final = frozenset({"data", "no_variant"})
"""The only variant that was asked for is rejected with the reader's words."""
POLICY: Final = frozenset({"policy_error"})


class Thief:
    """Runs a program when it is unpickled."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.canary}",)


def pictures(path: Path) -> None:
    """A good model that takes images of 8 by 8 pixels."""
    spec = tf.TensorSpec([1, 8, 8, 3], tf.float32, name="x")
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x * 2.0}, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def pickled(file: Path, bait: Bait) -> None:
    file.write_bytes(pickle.dumps(Thief(bait.canary("pickle"))))


def object_array(file: Path, bait: Bait) -> None:
    array = np.array([Thief(bait.canary("object"))], dtype=object)
    np.save(file, array, allow_pickle=True)


def object_archive(file: Path, bait: Bait) -> None:
    np.savez(file, x=np.array([Thief(bait.canary("archive"))], dtype=object))


def claims_much(file: Path, bait: Bait) -> None:
    """A header of 4 TB before 16 bytes."""
    with file.open("wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 4)}
        npy.write_array_header_1_0(stream, header)
        stream.write(bytes(16))


def archive_bomb(file: Path, bait: Bait) -> None:
    """2 GB of zeros in 9 MB."""
    head = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (33 * 2**22, 4)}
    npy.write_array_header_1_0(head, header)
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        member.write(head.getvalue())
        for _ in range(33):
            member.write(bytes(2**26))


def picture_bomb(file: Path, bait: Bait) -> None:
    """A PNG of 3.6 gigapixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def absurd_sound(file: Path, bait: Bait) -> None:
    """65535 channels at 4 GHz, and 4 GB of frames in 44 bytes."""
    form = struct.pack("<HHIIHH", 1, 65_535, 2**32 - 1, 2**32 - 1, 65_535, 16)
    file.write_bytes(
        b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVEfmt " + struct.pack("<I", 16) + form
        + b"data" + struct.pack("<I", 2**32 - 1)
    )  # fmt: skip


def long_record(file: Path, bait: Bait) -> None:
    file.write_bytes(struct.pack("<Q", 2**63) + bytes(20))


def link(file: Path, bait: Bait) -> None:
    file.symlink_to(bait.secret)


def _data_case(write: Write, name: str, codes: frozenset[str] = DATA) -> Case:
    def make(path: Path, bait: Bait) -> None:
        write(path.parent / name, bait)
        if name.endswith("png"):
            pictures(path)
        else:
            saved(path, lambda x: x + 1.0)

    policy = f'{SMALL}[calibration]\ndata = "{name}"\n'.replace('["float32"]', '["int8"]')
    return Case(
        name=f"data_{write.__name__}", make=make, layer=Layer.FORMAT, codes=codes, policy=policy
    )


def _policy_case(name: str, text: Callable[[Path, Bait], str]) -> Case:
    def make(path: Path, bait: Bait) -> None:
        saved(path, lambda x: x + 1.0)
        (path.parent / ".tflited.toml").write_text(text(path, bait))

    return Case(name=f"policy_{name}", make=make, layer=Layer.FORMAT, codes=POLICY, policy="")


def _pipe(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + 1.0)
    os.mkfifo(path.parent / "pipe")
    (path.parent / "pipe").rename(path.parent / ".tflited.toml")


def _linked(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + 1.0)
    (path.parent / ".tflited.toml").unlink()
    (path.parent / ".tflited.toml").symlink_to(bait.secret)


CASES: Final = (
    _data_case(pickled, "data.npy"),
    _data_case(object_array, "objects.npy"),
    _data_case(object_archive, "objects.npz"),
    _data_case(claims_much, "much.npy"),
    _data_case(archive_bomb, "bomb.npz"),
    _data_case(picture_bomb, "bomb.png"),
    _data_case(absurd_sound, "absurd.wav"),
    _data_case(long_record, "long.tfrecord"),
    _data_case(link, "link.npy", POLICY),
    _policy_case("deep", lambda *_: f"input_shape = {'[' * 5000}{']' * 5000}"),
    _policy_case("digits", lambda *_: f"[calibration]\nsamples = {'9' * 20_000}"),
    _policy_case("large", lambda *_: "# padding\n" * 10_000),
    _policy_case("raised", lambda *_: "[limits]\nmemory_bytes = 0\n"),
    _policy_case("escaping", lambda _, bait: f'[calibration]\ndata = "{bait.secret}"\n'),
    _policy_case("code", lambda *_: "allow_lambda = true\n"),
    _policy_case("hook", lambda _, bait: f'[hooks]\npublished = ["touch", "{bait.canary("h")}"]\n'),
    Case(name="policy_pipe", make=_pipe, layer=Layer.FORMAT, codes=POLICY, policy=""),
    Case(name="policy_link", make=_linked, layer=Layer.FORMAT, codes=POLICY, policy=""),
)
