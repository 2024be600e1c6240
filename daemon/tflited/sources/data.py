"""Finds and digests calibration and evaluation data; reads no format."""

import glob
import stat
from collections.abc import Sequence
from pathlib import Path

from tflited.domain.model import Digest
from tflited.domain.ports import DataFile
from tflited.sources.digest import Digester, combine_files
from tflited.sources.names import is_temporary
from tflited.sources.scan import identity_of


def find(pattern: str) -> tuple[DataFile, ...]:
    """Regular files that match an absolute glob pattern, sorted by path; links are left out.

    Args:
        pattern: as Python's ``glob``, ``**`` included.
    """
    found = []
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  # absolute pattern
        path = Path(name)
        if is_temporary(path.name):
            continue
        try:
            status = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.append(DataFile(path=path, identity=identity_of(status)))
    return tuple(found)


def digest(digester: Digester, files: Sequence[DataFile]) -> Digest:
    """Digest of the files' names and contents; of nothing without any."""
    return combine_files(
        (entry.path.name, digester.file(entry.path, entry.identity)) for entry in files
    )
