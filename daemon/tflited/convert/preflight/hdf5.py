"""Looks through the structure of an HDF5 file; no element of a data set is read."""

from pathlib import Path
from typing import IO, Any, Final

import h5py

from tflited.convert.faults.foreign import explained
from tflited.errors import ConversionError

STORAGE_CODE: Final = "refused_storage"
SIZE_CODE: Final = "absurd_size"
MOST_OBJECTS: Final = 200_000
"""Groups and data sets in one file; a large model has a few thousand."""
LARGEST_RATIO: Final = 1000
"""Of a compressed data set; DEFLATE cannot do better than 1032."""
_HINT: Final = "save the model again with model.save(), which stores everything in the one file"


def look_at_hdf5(file: Path | IO[bytes], name: str) -> None:
    """Looks through a file.

    Args:
        file: the file, or an open member of an archive.
        name: for messages.

    Raises:
        ConversionError: a link or a data set leads out of the file, a data set declares more than
            is stored, or it is no HDF5 file.
    """
    with explained(f"Reading {name}", scratch=str(file)), h5py.File(file, "r") as opened:
        seen: set[int] = set()
        waiting: list[tuple[str, Any]] = [("", opened)]
        while waiting:
            place, group = waiting.pop()
            for member in group:
                found = _member(group, place, member)
                address = 0 if found is None else int(h5py.h5o.get_info(found.id).addr)
                if found is None or address in seen:
                    continue
                seen.add(address)
                if len(seen) > MOST_OBJECTS:
                    raise _refused(f"{name} holds more than {MOST_OBJECTS} objects", SIZE_CODE)
                if isinstance(found, h5py.Group):
                    waiting.append((f"{place}/{member}", found))
                elif isinstance(found, h5py.Dataset):
                    _look_at(found, f"{place}/{member}")


def _member(group: Any, place: str, name: str) -> Any:
    """An object behind a hard link; None behind a soft one, which leads to another hard one."""
    kind = group.get(name, getlink=True)
    if isinstance(kind, h5py.ExternalLink):
        raise _refused(f"{place}/{name} is a link to another file, {kind.filename!r}", STORAGE_CODE)
    return group[name] if isinstance(kind, h5py.HardLink) else None


def _look_at(data: Any, place: str) -> None:
    layout = data.id.get_create_plist()
    if layout.get_layout() == h5py.h5d.VIRTUAL:
        raise _refused(f"{place} is a virtual data set, which reads other files", STORAGE_CODE)
    if layout.get_external_count():
        raise _refused(f"{place} is stored in another file", STORAGE_CODE)
    declared, stored = int(data.nbytes), int(data.id.get_storage_size())
    ratio = LARGEST_RATIO if layout.get_nfilters() else 1
    if layout.get_layout() != h5py.h5d.COMPACT and declared > max(stored, 1) * ratio:
        raise _refused(
            f"{place} declares an absurd size: shape {list(data.shape)} of {declared} bytes, stored"
            f" are {stored}",
            SIZE_CODE,
        )


def _refused(what: str, code: str) -> ConversionError:
    return ConversionError(f"{what}.", hint=_HINT, code=code)
