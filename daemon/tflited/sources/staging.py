"""Makes the private copy that a child reads, and proves that it is the admitted state.

A clone where the file system shares blocks, else a copy; never a hard link, which is the very file
that a writer changes in place.
"""

import re
from pathlib import Path
from typing import Final

from tflited.content import combine_files, copy_with_digest
from tflited.domain.model import Digest, Snapshot
from tflited.durable import storage_errors
from tflited.errors import SourceChangedError
from tflited.sources.listing import identity_of

_GLOB: Final = re.compile(r"[*?\[\]\\]")


def stage_model(source: Path, snapshot: Snapshot, destination: Path, expected: Digest) -> Path:
    """Copies a model and digests exactly the bytes that were copied.

    Args:
        source: the model's directory or file.
        snapshot: which files belong to it.
        destination: an existing empty directory.
        expected: digest of the admitted state.

    Returns:
        The copy, below ``destination``, under the model's own name less what is special in globs:
        TensorFlow takes a checkpoint's path for one (tsl/platform/file_system.cc).

    Raises:
        SourceChangedError: the copy has another digest, or a file went away.
        StoragePausedError: no room for the copy.
    """
    copy = destination / _GLOB.sub("_", source.name)
    observed = copy_model(source, snapshot, copy)
    if observed != expected:
        raise SourceChangedError(
            f"{source}: digest {observed[:12]} in the copy, {expected[:12]} when it was admitted.",
            hint="nothing; it is looked at again as soon as it settles",
        )
    return copy


def is_unchanged(source: Path, snapshot: Snapshot) -> bool:
    """Whether every file of a model still is the one that a scan saw; opens none."""
    for name, identity in snapshot.files:
        file = source / name if name else source
        try:
            status = file.stat(follow_symlinks=False)
        except OSError:
            return False
        if identity_of(status) != identity:
            return False
    return True


def copy_model(source: Path, snapshot: Snapshot, copy: Path) -> Digest:
    """Copies a model and gives the digest of exactly the bytes that were copied.

    Raises:
        SourceChangedError: a file went away.
        StoragePausedError: no room for the copy.
    """
    try:
        with storage_errors(copy.parent):
            return combine_files(_copies(source, snapshot, copy))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceChangedError(
            f"{source}: {error.filename} went away during the copy."
        ) from error


def stage_data(file: Path, destination: Path, expected: Digest) -> Path:
    """Copies one data file and digests exactly the bytes that were copied.

    Args:
        file: a regular file; a link in its place is not followed.
        destination: an existing directory.
        expected: the digest that ``sources.data`` gave for this file alone.

    Returns:
        The copy, below ``destination``, under the file's own name.

    Raises:
        SourceChangedError: the copy has another digest, or the file went away.
        StoragePausedError: no room for the copy.
    """
    copy = destination / file.name
    try:
        with storage_errors(destination):
            observed = combine_files([(file.name, copy_with_digest(file, copy))])
    except FileNotFoundError as error:
        raise SourceChangedError(f"{file} went away before its copy was made.") from error
    if observed != expected:
        raise SourceChangedError(
            f"{file}: digest {observed[:12]} in the copy, {expected[:12]} when it was seen.",
            hint="nothing; it is looked at again as soon as it settles",
        )
    return copy


def _copies(source: Path, snapshot: Snapshot, copy: Path) -> list[tuple[str, Digest]]:
    copied = []
    for name, _ in snapshot.files:
        target = copy / name if name else copy
        target.parent.mkdir(parents=True, exist_ok=True)
        copied.append((name, copy_with_digest(source / name if name else source, target)))
    return copied
