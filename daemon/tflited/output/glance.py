"""A quick look at a published set: is every listed file there, a plain file, of the listed size?

Reads no content, so that the engine can afford it for every decision; ``verify.py`` reads all.
"""

import os
import stat
from pathlib import Path

from tflited.domain.manifest import Manifest

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def damage(home: Path, manifest: Manifest) -> str:
    """What is wrong with the first file that is not as listed; empty where nothing is.

    Args:
        home: the directory that holds the set; links in it are not followed.
        manifest: of the set.
    """
    try:
        folder = os.open(home, _FOLDER)
    except OSError as error:
        return f"its folder cannot be opened: {error.strerror}"
    try:
        for file in manifest.files:
            trouble = _trouble(folder, file.path, file.size_bytes)
            if trouble:
                return f"{file.path}: {trouble}"
    finally:
        os.close(folder)
    return ""


def _trouble(folder: int, name: str, size_bytes: int) -> str:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        return f"observed {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return "observed something else than a plain file"
    if status.st_size != size_bytes:
        return f"observed {status.st_size} bytes, allowed {size_bytes}"
    return ""
