"""Where things are in the output tree, and whether a place may be taken."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tflited import durable
from tflited.domain.manifest import MANIFEST_NAME, REPORT_NAME, Manifest
from tflited.domain.model import ModelId
from tflited.errors import OutputError
from tflited.output.intake import make_folder
from tflited.output.records import read_manifest

PRIVATE_NAME: Final = ".tflited"
_LONGEST_KEY: Final = 180
_LONGEST_NAME: Final = 255
_LONGEST_PLACE: Final = 4095 - 200
"""PATH_MAX (limits.h) less the name of the longest file in a set."""
_SHOWN: Final = 80


class Layout:
    """The names below one output tree.

    Args:
        root: the output tree.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.private = root / PRIVATE_NAME
        self.staging = self.private / "staging"
        self.previous = self.private / "previous"
        self.archive = self.private / "archive"
        self.leaving = self.private / "leaving"
        self.generations = self.private / "generations"

    def make(self) -> None:
        """Makes the tree and its private folders where they are missing.

        Raises:
            OSError: one cannot be made.
        """
        if not self.root.is_dir():
            self.root.parent.mkdir(parents=True, exist_ok=True)
            make_folder(self.root)
        for folder in (
            self.staging,
            self.previous,
            self.archive,
            self.leaving,
            self.generations,
        ):
            make_folders(folder, self.root)

    def directory(self, model: ModelId, save_to: str | None) -> Path:
        """Where a model's set is or would be.

        Raises:
            OutputError: the path leaves the output tree, or no file system could hold it.
        """
        hint = "rename the model" if save_to is None else "correct save_to"
        return self.place(str(model) if save_to is None else save_to, hint)

    def place(self, text: str, hint: str = "") -> Path:
        """A place by its path below the output tree.

        Args:
            text: the path.
            hint: what to do where it can be none.

        Raises:
            OutputError: the path leaves the output tree, or no file system could hold it.
        """
        parts = text.split("/")
        is_named = all(part not in {"", ".", ".."} and "\0" not in part for part in parts)
        if not is_named or parts[0] == PRIVATE_NAME or not _is_unicode(text):
            raise OutputError(
                f"{text!r} cannot be a place in the output tree: allowed are relative UTF-8 paths"
                f" without '..' and outside {PRIVATE_NAME}.",
                hint=hint,
            )
        place = self.root.joinpath(*parts)
        longest = max(len(os.fsencode(part)) for part in parts)
        if longest > _LONGEST_NAME or len(os.fsencode(place)) > _LONGEST_PLACE:
            raise OutputError(
                f"{text[:_SHOWN]!r}... cannot be a place in the output tree: observed"
                f" {len(os.fsencode(place))} bytes, its longest name {longest}, allowed"
                f" {_LONGEST_PLACE} and {_LONGEST_NAME}.",
                hint=hint,
            )
        return place

    def key(self, target: Path) -> str:
        """One file name that stands for a place: readable, and never that of another place."""
        name = quote(str(target.relative_to(self.root)), safe="")
        if len(name) <= _LONGEST_KEY:
            return name
        return f"{name[:_LONGEST_KEY]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"

    def home(self, place: Path) -> Path | None:
        """The directory that holds a place's set: the generation that it links to, else the place.

        None where the place is any other link: none is followed.
        """
        try:
            text = place.readlink()
        except OSError:  # no link
            return place
        row = self.generations / self.key(place)
        home = row / text.name
        is_ours = text.name.isdigit() and str(text) == self.link_text(place, home)
        return home if is_ours else None

    def link_text(self, place: Path, home: Path) -> str:
        """What the link in a place says: relative, so that the tree may be mounted elsewhere."""
        up = "../" * (len(place.relative_to(self.root).parts) - 1)
        return up + str(home.relative_to(self.root))

    def is_set(self, place: Path) -> bool:
        """Whether a place shows a set; a link that is not ours shows none."""
        home = self.home(place)
        return home is not None and is_set(home)

    def manifest(self, place: Path) -> Manifest | None:
        """The manifest of the set that a place shows; None without a readable one."""
        home = self.home(place)
        return None if home is None else read_manifest(home)

    def dangling(self) -> Iterator[Path]:
        """Links of ours whose generation is gone."""
        for path, is_link in self._shown(self.root):
            home = self.home(path) if is_link else None
            if home is not None and not home.exists():
                yield path

    def check_free(self, target: Path, model: ModelId) -> None:
        """Refuses a place that somebody else has; an empty directory in it is taken away.

        Raises:
            OutputError: the place, or one above it, belongs to another set or to nobody known.
        """
        for ancestor in reversed(target.relative_to(self.root).parents[:-1]):
            self._check_ancestor(self.root / ancestor)
        status = _status(target)
        if status is None:
            return
        if not self.is_set(target):
            _remove_empty(target, status)
            return
        present = self.manifest(target)
        if present is not None and present.model != model:
            raise OutputError(
                f"{target} holds the set of {present.model}; {model} cannot be published there.",
                hint="withdraw that set first, or choose another save_to",
            )

    def kept(self) -> Iterator[Path]:
        """Every set on its way out of the tree, in no order: staged, previous and archived ones."""
        rows = [*_folders(self.staging), *_folders(self.leaving)]
        for shelf in (self.previous, self.archive, self.generations):
            rows += [place for row in _folders(shelf) for place in _folders(row)]
        yield from (folder for folder in rows if is_set(folder))

    def sets(self, top: Path | None = None) -> Iterator[Path]:
        """Every directory of the tree that is a set, readable or not, in no order.

        Folders that vanish or cannot be read are passed over.

        Args:
            top: look at and below this one only.
        """
        first = top or self.root
        if first != self.root and self.is_set(first):
            yield first
            return
        for path, is_link in self._shown(first):
            if not is_link or self.is_set(path):
                yield path

    def _shown(self, top: Path) -> Iterator[tuple[Path, bool]]:
        """Every directory below one that is a set, and every link, with whether it is one."""
        pending = [top]
        while pending:
            for entry in _scan(pending.pop()):
                path = Path(entry)
                if entry.is_symlink():
                    yield path, True
                elif path == self.private or not entry.is_dir(follow_symlinks=False):
                    continue
                elif is_set(path):
                    yield path, False
                else:
                    pending.append(path)

    def _check_ancestor(self, path: Path) -> None:
        """Refuses a directory above a target that is a link or another set.

        Raises:
            OutputError: it is.
        """
        status = _status(path)
        if status is None:
            return
        if self.is_set(path):
            raise OutputError(
                f"{path} is the set of another model; no set can lie inside it.",
                hint="move one of the two models, or withdraw that set",
            )
        if not stat.S_ISDIR(status.st_mode):
            raise OutputError(
                f"{path} is in the way: observed no directory, allowed a directory.",
                hint="move it away; links inside the output tree are not followed",
            )


def is_set(path: Path) -> bool:
    """Whether a directory has both records; a stranger's ``manifest.json`` alone is no set."""
    return (path / MANIFEST_NAME).is_file() and (path / REPORT_NAME).is_file()


def make_folders(path: Path, top: Path) -> None:
    """Makes a directory and what is missing above it, durably, below an existing one.

    Raises:
        OSError: one cannot be made.
    """
    if path == top or path.is_dir():
        return
    make_folders(path.parent, top)
    make_folder(path)
    durable.sync_directory(path.parent)


def remove_empty_parents(path: Path, top: Path) -> None:
    """Removes the directories above a path that hold nothing any more, below ``top``."""
    folder = path.parent
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            break
        folder = folder.parent
    durable.sync_directory(folder)


def _folders(folder: Path) -> list[Path]:
    """The real directories inside one; none where it cannot be read."""
    return [Path(entry) for entry in _scan(folder) if entry.is_dir(follow_symlinks=False)]


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _remove_empty(target: Path, status: os.stat_result) -> None:
    """Takes an empty directory out of the way.

    Raises:
        OutputError: it is not empty, or no directory.
    """
    try:
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError
        target.rmdir()
    except OSError as error:
        raise OutputError(
            f"{target} exists and is no set of ours: it has no {MANIFEST_NAME} beside a"
            f" {REPORT_NAME}.",
            hint="move it away; nothing is overwritten that tflited did not publish",
        ) from error


def _status(path: Path) -> os.stat_result | None:
    """The status of a name itself; None where there is none."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _is_unicode(text: str) -> bool:
    """Whether a name can stand in a manifest, which is UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
