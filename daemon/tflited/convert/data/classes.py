"""Labels that are told by folders: each class has its own, and they count by name."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tflited.convert.data.checks import wrong
from tflited.convert.data.sample_set import Column

_HINT: Final = (
    "lay the files into one folder for each class, as in evaluation/CLASS/*, and name "
    '"evaluation/*/*"; folders count from 0 in the order of their names, or as preprocess.classes '
    "lists them"
)
_EXAMPLES: Final = 8


def class_column(
    files: Sequence[str], chosen: Sequence[int], named: tuple[str, ...], ending: str
) -> Column:
    """The class numbers of files.

    Args:
        files: every file of the set, whose common folder holds the class folders.
        chosen: for each row, its file.
        named: class folders in the order of their numbers; empty for all, sorted by name.
        ending: what the files are, for messages.

    Raises:
        ConversionError: a file lies in no class folder, or in one that is not named.
    """
    folders = class_folders(files)
    if "" in folders:
        name = Path(files[folders.index("")]).name
        raise wrong(name, "lies in no class folder", f"labels for {ending}", hint=_HINT)
    found = tuple(sorted(set(folders)))
    if unknown := sorted(set(found) - set(named)) if named else []:
        listed = ", ".join(map(repr, unknown[:_EXAMPLES]))
        raise wrong("preprocess.classes", f"does not name the folder {listed}", "every one of them")
    classes = named or found
    numbers = {name: number for number, name in enumerate(classes)}
    return Column(
        subject="The class folders",
        values=np.array([numbers[folders[file]] for file in chosen], dtype=np.int64),
        classes=classes,
    )


def class_folders(files: Sequence[str]) -> list[str]:
    """For each file the first folder below what all have in common; empty for a file in that."""
    common = os.path.commonpath([Path(file).parent for file in files])
    parts = (Path(file).relative_to(common).parts for file in files)
    return [inner[0] if len(inner) > 1 else "" for inner in parts]
