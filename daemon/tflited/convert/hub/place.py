"""Puts a fetched module in its place as a whole, and clears what an interrupted fetch left.

The layout is tensorflow_hub's: a folder named by the SHA-1 of the handle. Beside it lie
``KEY.flock``, held while a module is fetched, and for moments ``KEY.new`` and ``KEY.old``.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tflited import durable
from tflited.errors import HubError


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Holds the place for this process; another one that fetches the same waits.

    Args:
        place: the module's folder; the cache above it is made.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(_beside(place, "flock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def fresh(place: Path) -> Path:
    """An empty folder beside the place, after what a killed fetch left is cleared or put back."""
    new, old = _beside(place, "new"), _beside(place, "old")
    if old.exists() and not place.exists():
        old.rename(place)
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(mode=0o755)
    return new


def discard(place: Path) -> None:
    """Removes what a failed fetch has unpacked."""
    shutil.rmtree(_beside(place, "new"), ignore_errors=True)


def install(place: Path) -> None:
    """Makes the unpacked module the one in force.

    Between the two renames there is none; a kill there is mended by the next ``fresh``.

    Raises:
        HubError: what was unpacked is no SavedModel.
    """
    new, old = _beside(place, "new"), _beside(place, "old")
    if not any((new / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        found = ", ".join(sorted(path.name for path in new.iterdir())[:5]) or "nothing"
        raise HubError(
            f"The archive holds no saved_model.pb at its top; it holds {found}.",
            hint="pack the SavedModel's folder with: tar -C FOLDER -czf MODULE.tar.gz .",
        )
    if place.exists():
        place.rename(old)
    new.rename(place)
    durable.sync_directory(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def _beside(place: Path, ending: str) -> Path:
    return place.with_name(f"{place.name}.{ending}")
