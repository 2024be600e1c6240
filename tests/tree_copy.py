"""Copies a model into a root as a person does: file by file, in place."""

import shutil
from collections.abc import Iterator
from pathlib import Path


def copy_tree(source: Path, target: Path) -> None:
    """Copies every file at once; folders above the target are made."""
    for _ in copy_files(source, target):
        pass


def copy_files(source: Path, target: Path) -> Iterator[Path]:
    """Copies the next file each time it is asked, and gives the copy."""
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        yield Path(shutil.copyfile(path, place))
