"""Proves that a settled model is whole before anything is made of it; reads, never interprets.

No tensorflow here. What only tensorflow can tell (whether the graph belongs to the weights) is told
by the child that opens the model (``convert/opening/torn.py``).
"""

import errno
import os
import re
import struct
import zipfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

import farmhash

from tflited.domain.archive import UNREADABLE
from tflited.domain.limits import most_unpacked_bytes
from tflited.domain.model import ModelKind, Snapshot
from tflited.errors import ModelRefusedError
from tflited.sources.bundle import BundleError, Index, message_fields, read_index
from tflited.sources.settle import SettleTracker, Waits
from tflited.sources.tensors import check_tensors

_KERAS_MEMBERS: Final = ("config.json", "metadata.json", "model.weights.h5")
_SHARD: Final = re.compile(r"variables/variables\.data-(\d{5})-of-(\d{5})")
_INDEX: Final = "variables/variables.index"
_FINGERPRINT: Final = "fingerprint.pb"
_CHECKPOINT_HASH: Final = 5
"""``FingerprintDef.checkpoint_hash`` (tensorflow/core/protobuf/fingerprint.proto)."""
_META_GRAPHS: Final = 2
"""``SavedModel.meta_graphs`` (tensorflow/core/protobuf/saved_model.proto)."""
_ASSET_FILE_DEF: Final = 6
"""``MetaGraphDef.asset_file_def``, and in it ``AssetFileDef.filename`` (meta_graph.proto)."""
_FILENAME: Final = 2
_LARGEST_FINGERPRINT: Final = 64 << 10
_HDF5_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_COPY_AGAIN: Final = "copy the model again; it is looked at again as soon as a file changes"
_MAX_GRAPH_BYTES: Final = 2**31


class Wholeness(StrEnum):
    """How much admission could prove of a model that it does not refuse."""

    WHOLE = "whole"
    """Every byte of the weights has its checksum, and the parts say that they belong together."""
    PLAUSIBLE = "plausible"
    """Nothing is wrong with it, but its format cannot tell everything; only quiet can."""


def admit(path: Path, snapshot: Snapshot) -> Wholeness:
    """Proves that a settled model is whole.

    Args:
        path: the model's directory or file.
        snapshot: as the scan saw it.

    Returns:
        How much was proven.

    Raises:
        ModelRefusedError: it is not; the message names the path and the check that found it.
    """
    if snapshot.trouble:
        raise ModelRefusedError(
            f"{path}: {snapshot.trouble}.", hint="make every part of the model readable"
        )
    try:
        return _admit_kind(path, snapshot)
    except (FileNotFoundError, NotADirectoryError):
        raise  # it went away while it was read; the next look decides
    except OSError as error:
        raise ModelRefusedError(
            f"{path}: cannot be read: {os.strerror(error.errno or 0)}.",
            hint="give the service's user permission to read it",
        ) from error


def has_settled(path: Path, tracker: SettleTracker, waits: Waits, now: float) -> bool:
    """Whether a model that is quiet may be judged now: its time is over, or it proves whole before.

    The early look is made once in each quiet time. It is never told: what it would refuse may
    still be on its way.

    Args:
        path: the model's directory or file.
        tracker: its way to rest; takes down what the early look found.
        waits: the quiet times.
        now: monotonic seconds.
    """
    if now >= tracker.deadline(waits.settle_seconds):
        return True
    tracker.has_been_tried = True
    tracker.is_whole = _is_proven_whole(path, tracker.snapshot)
    return tracker.is_whole


def _is_proven_whole(path: Path, snapshot: Snapshot) -> bool:
    sizes = {name: entry.size for name, entry in snapshot.files}
    try:
        match snapshot.kind:
            case ModelKind.SAVED_MODEL:
                # What is cheap first: large shards are not read for a copy that goes on.
                is_candidate = _INDEX in sizes and _is_of_one_export(path, sizes)
            case ModelKind.KERAS:
                is_candidate = zipfile.is_zipfile(path)
            case ModelKind.KERAS_HDF5 | ModelKind.HUB:
                is_candidate = False
            case _:
                assert_never(snapshot.kind)
        return is_candidate and admit(path, snapshot) is Wholeness.WHOLE
    except (ModelRefusedError, OSError):
        return False


def _admit_kind(path: Path, snapshot: Snapshot) -> Wholeness:
    match snapshot.kind:
        case ModelKind.SAVED_MODEL:
            return _admit_saved_model(path, {name: entry.size for name, entry in snapshot.files})
        case ModelKind.KERAS:
            _admit_keras(path)
            return Wholeness.WHOLE
        case ModelKind.KERAS_HDF5:
            _admit_hdf5(path)
            return Wholeness.PLAUSIBLE
        case ModelKind.HUB:
            # hub.py reads the reference, and admits its module as a SavedModel
            return Wholeness.PLAUSIBLE
        case _:
            assert_never(snapshot.kind)


def _admit_saved_model(path: Path, sizes: Mapping[str, int]) -> Wholeness:
    if not sizes:
        raise ModelRefusedError(
            f"{path}: an empty directory; a SavedModel has saved_model.pb.",
            hint="copy a model into it, or remove the directory",
        )
    has_assets = _admit_graph(path, sizes)
    if _INDEX in sizes:
        index = _admit_index(path, sizes)
        is_one = _is_of_one_export(path, sizes)
        is_proven = _admit_tensors(path, index)
        # Nothing tells whether an asset's content is all there.
        if is_one and is_proven and not has_assets and not _has_hole(path / "saved_model.pb"):
            return Wholeness.WHOLE
        return Wholeness.PLAUSIBLE
    if any(_SHARD.fullmatch(name) for name in sizes):
        raise ModelRefusedError(f"{path}: {_INDEX} is missing.", hint=_COPY_AGAIN)
    return Wholeness.PLAUSIBLE


def _is_of_one_export(path: Path, sizes: Mapping[str, int]) -> bool:
    """Whether the fingerprint beside a checkpoint index was taken of this index.

    A mismatch is no refusal here: a tool may have edited the model on purpose, and whether its
    policy allows that is known to the child, which refuses what is torn.
    """
    if _FINGERPRINT not in sizes or sizes[_FINGERPRINT] > _LARGEST_FINGERPRINT:
        return False
    try:
        fields = dict(message_fields((path / _FINGERPRINT).read_bytes()))
    except BundleError:
        return False
    observed: int = farmhash.Fingerprint64((path / _INDEX).read_bytes())
    return fields.get(_CHECKPOINT_HASH) == observed


def _has_hole(path: Path) -> bool:
    """Whether a part of a file was never written, as in one that was preallocated."""
    with path.open("rb", buffering=0) as stream:
        size = stream.seek(0, os.SEEK_END)
        try:
            return stream.seek(0, os.SEEK_HOLE) < size
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENXIO, errno.EOPNOTSUPP}:
                return False  # a file system that does not tell
            raise


def _admit_graph(path: Path, sizes: Mapping[str, int]) -> bool:
    """Whether the graph names assets, or may name some.

    Raises:
        ModelRefusedError: it is cut short, or one of its assets is missing.
    """
    if "saved_model.pb" not in sizes:
        if "saved_model.pbtxt" in sizes:
            return True
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
        graphs = _numbered(graph.read_bytes(), _META_GRAPHS)
        assets = [name for one in graphs for name in _asset_names(one)]
    except BundleError as error:
        raise ModelRefusedError(
            f"{graph}: cut short or no SavedModel: {error}.", hint=_COPY_AGAIN
        ) from error
    if not graphs:
        raise ModelRefusedError(f"{graph}: holds no graph.", hint="export the model again")
    missing = [name for name in assets if f"assets/{name}" not in sizes]
    if missing:
        raise ModelRefusedError(f"{path}: assets/{missing[0]} is missing.", hint=_COPY_AGAIN)
    return bool(assets)


def _numbered(message: bytes, wanted: int) -> list[bytes]:
    fields = message_fields(message)
    return [value for number, value in fields if number == wanted and isinstance(value, bytes)]


def _asset_names(meta_graph: bytes) -> list[str]:
    definitions = _numbered(meta_graph, _ASSET_FILE_DEF)
    names = (name for one in definitions for name in _numbered(one, _FILENAME))
    return [os.fsdecode(name) for name in names]


def _admit_index(path: Path, sizes: Mapping[str, int]) -> Index:
    file = path / _INDEX
    try:
        index = read_index(file.read_bytes())
    except BundleError as error:
        raise ModelRefusedError(f"{file}: cut short: {error}.", hint=_COPY_AGAIN) from error
    for shard, least in index.least_sizes().items():
        name = _shard_name(shard, index)
        if name not in sizes:
            raise ModelRefusedError(f"{path}: {name} is missing.", hint=_COPY_AGAIN)
        if sizes[name] < least:
            raise ModelRefusedError(
                f"{path / name}: {sizes[name]} bytes, the index asks for {least}.", hint=_COPY_AGAIN
            )
    return index


def _admit_tensors(path: Path, index: Index) -> bool:
    """Whether every tensor has the checksum that the index holds; false where some have none.

    Raises:
        ModelRefusedError: one has another.
    """
    shards = {shard: path / _shard_name(shard, index) for shard in index.least_sizes()}
    checked = check_tensors(index, shards)
    if checked.wrong:
        raise ModelRefusedError(
            f"{path}: {checked.wrong} have another checksum than {_INDEX} says: the file is still "
            "being written, damaged, or of another export.",
            hint=_COPY_AGAIN,
        )
    return checked.unchecked == 0


def _shard_name(shard: int, index: Index) -> str:
    return f"variables/variables.data-{shard:05d}-of-{index.shards:05d}"


def _admit_keras(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(path, archive)
            missing = [name for name in _KERAS_MEMBERS if name not in archive.namelist()]
            damaged = None if missing else archive.testzip()
    except UNREADABLE as error:
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
