"""Proves that a settled model is whole before anything is made of it; reads, never interprets.

No tensorflow here. What only tensorflow can tell (checksums of tensors, graph content) is told by
the child that opens the model.
"""

import os
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, assert_never

from tflited.domain.limits import most_unpacked_bytes
from tflited.domain.model import ModelKind, Snapshot
from tflited.errors import ModelRefusedError
from tflited.sources.bundle import BundleError, message_fields, shard_sizes

_KERAS_MEMBERS: Final = ("config.json", "metadata.json", "model.weights.h5")
_SHARD: Final = re.compile(r"variables/variables\.data-(\d{5})-of-(\d{5})")
_HDF5_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_COPY_AGAIN: Final = "copy the model again; it is looked at again as soon as a file changes"
_MAX_GRAPH_BYTES: Final = 2**31


def admit(path: Path, snapshot: Snapshot) -> None:
    """Proves that a settled model is whole.

    Args:
        path: the model's directory or file.
        snapshot: as the scan saw it.

    Raises:
        ModelRefusedError: it is not; the message names the path and the check that found it.
    """
    if snapshot.trouble:
        raise ModelRefusedError(
            f"{path}: {snapshot.trouble}.", hint="make every part of the model readable"
        )
    try:
        _admit_kind(path, snapshot)
    except (FileNotFoundError, NotADirectoryError):
        raise  # it went away while it was read; the next look decides
    except OSError as error:
        raise ModelRefusedError(
            f"{path}: cannot be read: {os.strerror(error.errno or 0)}.",
            hint="give the service's user permission to read it",
        ) from error


def _admit_kind(path: Path, snapshot: Snapshot) -> None:
    match snapshot.kind:
        case ModelKind.SAVED_MODEL:
            _admit_saved_model(path, {name: entry.size for name, entry in snapshot.files})
        case ModelKind.KERAS:
            _admit_keras(path)
        case ModelKind.KERAS_HDF5:
            _admit_hdf5(path)
        case ModelKind.HUB:
            pass  # hub.py reads the reference, and admits its module as a SavedModel
        case _:
            assert_never(snapshot.kind)


def _admit_saved_model(path: Path, sizes: Mapping[str, int]) -> None:
    if not sizes:
        raise ModelRefusedError(
            f"{path}: an empty directory; a SavedModel has saved_model.pb.",
            hint="copy a model into it, or remove the directory",
        )
    _admit_graph(path, sizes)
    shards = [match for name in sizes if (match := _SHARD.fullmatch(name))]
    if "variables/variables.index" in sizes:
        _admit_shards(path, sizes)
    elif shards:
        raise ModelRefusedError(f"{path}: variables/variables.index is missing.", hint=_COPY_AGAIN)


def _admit_graph(path: Path, sizes: Mapping[str, int]) -> None:
    if "saved_model.pb" not in sizes:
        if "saved_model.pbtxt" in sizes:
            return
        raise ModelRefusedError(
            f"{path}: saved_model.pb is missing; there are {', '.join(sorted(sizes)[:5])}.",
            hint=_COPY_AGAIN,
        )
    graph = path / "saved_model.pb"
    if not 0 < sizes["saved_model.pb"] <= _MAX_GRAPH_BYTES:
        raise ModelRefusedError(
            f"{graph}: {sizes['saved_model.pb']} bytes, allowed 1 to {_MAX_GRAPH_BYTES}.",
            hint=_COPY_AGAIN,
        )
    try:
        numbers = [number for number, _ in message_fields(graph.read_bytes())]
    except BundleError as error:
        raise ModelRefusedError(
            f"{graph}: cut short or no SavedModel: {error}.", hint=_COPY_AGAIN
        ) from error
    if 2 not in numbers:  # noqa: PLR2004  # SavedModel.meta_graphs
        raise ModelRefusedError(f"{graph}: holds no graph.", hint="export the model again")


def _admit_shards(path: Path, sizes: Mapping[str, int]) -> None:
    index = path / "variables" / "variables.index"
    try:
        wanted = shard_sizes(index.read_bytes())
    except BundleError as error:
        raise ModelRefusedError(f"{index}: cut short: {error}.", hint=_COPY_AGAIN) from error
    for shard, least in wanted.items():
        name = f"variables/variables.data-{shard:05d}-of-{len(wanted):05d}"
        if name not in sizes:
            raise ModelRefusedError(f"{path}: {name} is missing.", hint=_COPY_AGAIN)
        if sizes[name] < least:
            raise ModelRefusedError(
                f"{path / name}: {sizes[name]} bytes, the index asks for {least}.", hint=_COPY_AGAIN
            )


def _admit_keras(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(path, archive)
            missing = [name for name in _KERAS_MEMBERS if name not in archive.namelist()]
            damaged = None if missing else archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ModelRefusedError(
            f"{path}: not a Keras archive or cut short: {error}.", hint=_COPY_AGAIN
        ) from error
    if missing:
        raise ModelRefusedError(
            f"{path}: {', '.join(missing)} missing from the archive.",
            hint="save it with model.save('NAME.keras') of Keras 3",
        )
    if damaged is not None:
        raise ModelRefusedError(f"{path}: checksum of {damaged} is wrong.", hint=_COPY_AGAIN)


def _refuse_bomb(path: Path, archive: zipfile.ZipFile) -> None:
    """The checksums take a pass over everything unpacked, of which no more is read than declared.

    Raises:
        ModelRefusedError: it would take hours.
    """
    declared = sum(entry.file_size for entry in archive.infolist())
    allowed = most_unpacked_bytes(path.stat().st_size)
    if declared > allowed:
        raise ModelRefusedError(
            f"{path}: would become {declared} bytes when unpacked, allowed {allowed}.",
            hint="save it with model.save(), which compresses nothing",
        )


def _admit_hdf5(path: Path) -> None:
    """Checks the signature and the end-of-file address of the superblock.

    Source: HDF5 File Format Specification 3.0, section II.A. Damage inside a file of the right
    size cannot be seen here, since the format's legacy versions have no checksums.
    """
    with path.open("rb") as stream:
        head = stream.read(64)
        size = stream.seek(0, os.SEEK_END)
    if not head.startswith(_HDF5_SIGNATURE) or len(head) < 64:  # noqa: PLR2004  # shortest superblock
        raise ModelRefusedError(f"{path}: not an HDF5 file or cut short.", hint=_COPY_AGAIN)
    version = head[8]
    position = {0: 40, 1: 44}.get(version, 28)
    (end,) = struct.unpack_from("<Q", head, position)
    if size < end:
        raise ModelRefusedError(
            f"{path}: {size} bytes, its header says {end}; cut short.", hint=_COPY_AGAIN
        )
