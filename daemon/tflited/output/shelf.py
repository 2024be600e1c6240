"""Replaced and archived sets: kept in numbered order, and pruned."""

from pathlib import Path
from typing import Final

from tflited.output import rename
from tflited.output.layout import make_folders
from tflited.output.leaving import Leaving

_DIGITS: Final = 8


class Shelf:
    """Numbered sets, one row for each place in the output tree.

    Args:
        folder: where the rows are, such as ``previous`` or ``archive``.
        leaving: where a set goes on its way out; on the same file system.
    """

    def __init__(self, folder: Path, leaving: Leaving) -> None:
        self._folder = folder
        self._leaving = leaving

    def put(self, path: Path, key: str) -> Path:
        """Moves a set to the end of a row, durably.

        Returns:
            Where it stands now.

        Raises:
            OSError: the row cannot be made or the set cannot be moved.
        """
        row = self._folder / key
        make_folders(row, self._folder.parent)
        entries = self.entries(key)
        number = 1 + (int(entries[-1].name) if entries else 0)
        place = row / f"{number:0{_DIGITS}d}"
        rename.move(path, place)
        return place

    def entries(self, key: str) -> list[Path]:
        """The sets of a row, oldest first."""
        try:
            names = [path for path in (self._folder / key).iterdir() if path.name.isdigit()]
        except FileNotFoundError:
            return []
        return sorted(names, key=lambda path: int(path.name))

    def prune(self, key: str, *, keep: int) -> None:
        """Removes the oldest sets of a row until ``keep`` are left.

        Raises:
            OSError: a set cannot be moved out.
        """
        entries = self.entries(key)
        for path in entries[: max(len(entries) - keep, 0)]:
            self._leaving.take(path)

    def clear(self, key: str) -> None:
        """Removes a whole row.

        Raises:
            OSError: it cannot be moved out.
        """
        row = self._folder / key
        if row.is_dir():
            self._leaving.take(row)
