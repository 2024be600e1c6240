"""Finds and digests calibration data, evaluation data and policies' modules; reads no format."""

import glob
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from tflited.content import combine_files
from tflited.domain.model import Digest
from tflited.domain.ports import DataFile
from tflited.sources.digest import Digester
from tflited.sources.listing import identity_of
from tflited.sources.names import is_temporary


def find(pattern: str) -> tuple[DataFile, ...]:
    """Regular files that match an absolute glob pattern, sorted by path; links are left out.

    A link in the fixed part of the pattern was checked with the policy; one that a wildcard
    matches could lead anywhere, so nothing behind it is taken.

    Args:
        pattern: as Python's ``glob``, ``**`` included.
    """
    found = []
    fixed = _fixed_part(pattern)
    real = fixed.resolve()
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  # absolute pattern
        path = Path(name)
        if is_temporary(path.name) or path.resolve() != real / path.relative_to(fixed):
            continue
        try:
            status = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.append(DataFile(path=path, identity=identity_of(status)))
    return tuple(found)


def _fixed_part(pattern: str) -> Path:
    """The folders of a pattern before its first wildcard."""
    folder = Path(pattern).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder


def digest(digester: Digester, files: Sequence[DataFile]) -> Digest:
    """Digest of the files' names and contents; of nothing without any.

    A name is the path below what all files have in common: the folders in it tell the classes.
    """
    if not files:
        return combine_files(())
    common = os.path.commonpath([entry.path.parent for entry in files])
    return combine_files(
        (str(entry.path.relative_to(common)), digester.file(entry.path, entry.identity))
        for entry in files
    )
