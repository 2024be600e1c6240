"""What an upload may hold: names that stay inside, and one model."""

import os
from pathlib import Path
from typing import Final

from tflited.domain.model import ModelKind, kind_of_file
from tflited.errors import UploadRefusedError
from tflited.sources.names import is_hidden_directory, is_noise, is_temporary

ARCHIVES: Final = (".tar.gz", ".tgz", ".tar", ".zip")
_GRAPHS: Final = frozenset({"saved_model.pb", "saved_model.pbtxt"})
_FILES: Final = frozenset({ModelKind.KERAS, ModelKind.KERAS_HDF5})
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 1024
_MOST_SHOWN: Final = 5
_ALLOWED: Final = (
    "allowed one model: a SavedModel folder (saved_model.pb is in it), or one .keras, .h5 or .hdf5"
    " file"
)


def checked_parts(name: str) -> tuple[str, ...]:
    """The components of a file's name, none of which leads anywhere else or is hidden.

    Raises:
        UploadRefusedError: one does.
    """
    parts = tuple(name.split("/"))
    wrong = next(filter(None, map(_wrong, parts)), "")
    if not wrong and len(os.fsencode(name)) > _LONGEST_PATH:
        wrong = f"more than {_LONGEST_PATH} bytes"
    if wrong:
        raise UploadRefusedError(
            f"{name!r}: observed {wrong}, allowed a relative path of plain names.",
            hint="rename it",
            kind="upload_name",
        )
    return parts


def is_archive(name: str) -> bool:
    """Whether a file is unpacked."""
    return name.lower().endswith(ARCHIVES)


def stem_of(name: str) -> str:
    """An archive's name without what says that it is one."""
    end = next(end for end in ARCHIVES if name.lower().endswith(end))
    return name[: -len(end)]


def model_in(folder: Path, stem: str) -> tuple[Path, str]:
    """The one model in what was uploaded, and the name that it lands under.

    Args:
        folder: what was uploaded.
        stem: name of the archive that it came in; empty without one.

    Raises:
        UploadRefusedError: there is none, or more.
    """
    name = stem
    while True:
        entries = [path for path in sorted(folder.iterdir()) if not _is_left_out(path)]
        if any(path.name in _GRAPHS for path in entries):
            if not name:
                raise UploadRefusedError(
                    "Upload: observed a SavedModel's files without a folder around them.",
                    hint="choose the folder itself, or put it into an archive",
                    kind="upload_content",
                )
            checked_parts(name)
            return folder, name
        if len(entries) != 1:
            break
        (only,) = entries
        if only.is_file():
            if kind_of_file(only.name) in _FILES:
                return only, only.name
            break
        folder, name = only, only.name
    shown = ", ".join(path.name for path in entries[:_MOST_SHOWN]) or "nothing"
    more = "" if len(entries) <= _MOST_SHOWN else f" and {len(entries) - _MOST_SHOWN} more"
    raise UploadRefusedError(
        f"Upload: observed {shown}{more}, {_ALLOWED}.",
        hint="pack the model's folder alone: zip -r net.zip net",
        kind="upload_content",
    )


def _is_left_out(path: Path) -> bool:
    return is_noise(path.name) or path.name == "__MACOSX"


def _wrong(part: str) -> str:
    """Why a component cannot be; empty where it can."""
    is_left_out = is_noise(part) or part == "__MACOSX"
    reasons = {
        "a component that leads elsewhere": part in {"", ".", ".."},
        "a sign that no name needs": not part.isprintable() or "\\" in part,
        f"a component of more than {_LONGEST_NAME} bytes": len(os.fsencode(part)) > _LONGEST_NAME,
        f"{part!r}, which says that somebody is still writing": is_temporary(part),
        f"{part!r}, which is hidden": is_hidden_directory(part) and not is_left_out,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
