"""Sets on file systems without an exchange: numbered folders, and a link that is renamed as one.

A place is a symbolic link to ``.tflited/generations/PLACE/NUMBER``; replacing a link by ``rename``
is atomic everywhere (rename(2)), NFS and FUSE included.
"""

from contextlib import suppress
from pathlib import Path

from tflited.output import rename
from tflited.output.layout import Layout, is_set
from tflited.output.leaving import Leaving
from tflited.output.records import read_manifest
from tflited.output.shelf import Shelf


class Generations:
    """The generation folders of one output tree; used under the tree's lock.

    Args:
        layout: of the tree.
        leaving: where replaced generations go when they are not kept.
    """

    def __init__(self, layout: Layout, leaving: Leaving) -> None:
        self._layout = layout
        self._leaving = leaving
        self._shelf = Shelf(layout.generations, leaving)

    def place(self, stage: Path, target: Path) -> None:
        """Makes a complete, synced stage the newest generation, and the one that the place shows.

        Raises:
            OSError: it cannot be moved or linked.
        """
        key = self._layout.key(target)
        if target.is_dir() and not target.is_symlink():
            # From a time when the file system could exchange: this once the place is empty between.
            self._shelf.put(target, key)
        home = self._shelf.put(stage, key)
        rename.link(self._layout.link_text(target, home), target, self._layout.staging)

    def prune(self, target: Path, *, keep: int) -> None:
        """Lets the oldest replaced generations go until ``keep`` are left beside the present one.

        Raises:
            OSError: one cannot be moved out.
        """
        home = self._layout.home(target)
        replaced = [path for path in self._shelf.entries(self._layout.key(target)) if path != home]
        for path in replaced[: max(len(replaced) - keep, 0)]:
            self._leaving.take(path)

    def clear(self, target: Path) -> None:
        """Lets every generation of a place go.

        Raises:
            OSError: they cannot be moved out.
        """
        self._shelf.clear(self._layout.key(target))

    def sweep(self) -> None:
        """At start: lets go what a cut publication or withdrawal left.

        That is a generation which no link has shown yet, a row whose link is gone, and a link whose
        generation is gone.

        Raises:
            OSError: it cannot be moved out.
        """
        rows = [row for row in self._layout.generations.iterdir() if row.is_dir()]
        for row in rows:
            self._sweep_row(row.name)
        if rows:
            for link in self._layout.dangling():
                rename.unlink(link)

    def _sweep_row(self, key: str) -> None:
        entries = self._shelf.entries(key)
        manifests = [manifest for entry in entries if (manifest := read_manifest(entry))]
        shown = None
        if manifests:
            place = self._layout.directory(manifests[-1].model, manifests[-1].save_to)
            home = self._layout.home(place)
            shown = home if home in entries and is_set(home) else None
        for entry in entries[entries.index(shown) + 1 if shown else 0 :]:
            self._leaving.take(entry)
        with suppress(OSError):  # only an empty row goes
            (self._layout.generations / key).rmdir()
