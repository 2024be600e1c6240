"""Sees what is on disk: walks a root and finds its models; decides nothing, opens no file.

A directory is one model as soon as anything in it belongs to a SavedModel, also while the rest is
missing: a model that is being copied must be seen as one from its first file.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from sys import intern
from typing import Final

from tflited.domain.model import FileIdentity, ModelKind, Scan, Snapshot, kind_of_file
from tflited.domain.policy import FOLDER_POLICY_NAME
from tflited.domain.ports import Root
from tflited.sources import names
from tflited.sources.listing import Lister, Listing, identity_of, ignore
from tflited.sources.names import (
    HOLD_NAME,
    READY_NAME,
    is_hidden_directory,
    speaks_for_its_folder,
)

_MARKER_FILES: Final = frozenset(
    {"saved_model.pb", "saved_model.pbtxt", "fingerprint.pb", "keras_metadata.pb"}
)
_NO_CONTENT: Final = frozenset({HOLD_NAME, READY_NAME, FOLDER_POLICY_NAME})

_DeviceInode = tuple[int, int]

# The files of many models have the same few names.
is_temporary = lru_cache(maxsize=4096)(names.is_temporary)
is_noise = lru_cache(maxsize=4096)(names.is_noise)


def _join(base: str, name: str) -> str:
    return f"{base}/{name}" if base else name


class DirectoryScanner:
    """Walks roots. Opens no file; follows a symbolic link only where the root says so.

    Args:
        roots: folders that links of a root with ``follow_links`` may lead into, beside the root.
        progress: called for every entry, so that a walk that hangs can be told.
    """

    def __init__(self, roots: Iterable[Path] = (), progress: Callable[[], None] = ignore) -> None:
        self._roots = tuple(roots)
        self._progress = progress

    def scan(self, root: Root, scope: str = "") -> Scan:
        """Walks a root, or the part of it that a changed path belongs to.

        Args:
            root: the root.
            scope: a path below the root; widened to the whole model it lies in, and to the
                nearest directory that still exists. "" for all of it.

        Returns:
            What was found; its ``scope`` is the widened one.

        Raises:
            OSError: the root itself cannot be read.
        """
        allowed = (root.path, *self._roots) if root.follow_links else None
        lister = Lister(allowed, self._progress)
        return _Walk(str(root.path), Scan(root=root.name, scope=""), lister).run(scope)


@dataclass(frozen=True, slots=True)
class _Place:
    """A directory on the way: what holds for everything below it."""

    path: str
    device: int
    is_held: bool
    chain: frozenset[_DeviceInode] = frozenset()

    def below(self, name: str, status: os.stat_result, *, is_held: bool) -> "_Place":
        chain = self.chain | {(status.st_dev, status.st_ino)} if self.chain else self.chain
        return _Place(_join(self.path, name), status.st_dev, is_held, chain)


class _Walk:
    """One walk in progress."""

    def __init__(self, top: str, scan: Scan, lister: Lister) -> None:
        self._top = top
        self._scan = scan
        self._lister = lister

    def run(self, scope: str) -> Scan:
        status = Path(self._top).stat()
        os.scandir(self._top).close()  # an unreadable root is an outage, not an empty root
        chain = {(status.st_dev, status.st_ino)} if self._lister.follows else ()
        self._scan.mounts.add("")
        place, is_file = self._widen(_Place("", status.st_dev, is_held=False), scope, chain)
        if is_file:
            self._lone_file(place)
        else:
            self._directory(place)
        scan = self._scan
        return Scan(
            root=scan.root,
            scope=place.path,
            models=scan.models,
            policies=scan.policies,
            trouble=scan.trouble,
            mounts=scan.mounts,
            linked=scan.linked,
            unread=scan.unread,
        )

    def _widen(self, top: _Place, scope: str, chain: Iterable[_DeviceInode]) -> tuple[_Place, bool]:
        """The place to walk for a scope, and whether it is, or was, no directory."""
        place = _Place(top.path, top.device, top.is_held, frozenset(chain))
        for part in PurePosixPath(scope).parts:
            listing = self._lister.read_some(
                self._full(place.path), (*_MARKER_FILES, "variables", HOLD_NAME, part)
            )
            if place.path and self._is_saved_model(place.path, listing):
                return place, False
            is_held = place.is_held or HOLD_NAME in listing.files
            held = _Place(place.path, place.device, is_held, place.chain)
            if speaks_for_its_folder(part):
                return held, False
            if part in listing.directories and not is_hidden_directory(part):
                place = held.below(part, listing.directories[part], is_held=is_held)
                if place.device != held.device:
                    self._scan.mounts.add(place.path)
                if part in listing.followed:
                    self._scan.linked.add(place.path)
            elif part in listing.files and not is_hidden_directory(part):
                return held.below(part, listing.files[part], is_held=is_held), True
            else:
                # A vanished or hidden name: its folder tells what became of it, except at the top,
                # where the name alone is looked at so that one file does not cost the whole root.
                is_at_top = not place.path
                return (_Place(part, place.device, is_held), True) if is_at_top else (held, False)
        return place, False

    def _read(self, base: str) -> Listing:
        return self._lister.read(self._full(base))

    def _full(self, base: str) -> str:
        return f"{self._top}/{base}" if base else self._top

    def _lone_file(self, place: _Place) -> None:
        base, _, name = place.path.rpartition("/")
        its_own = f"{name}."  # flags and temporary copies

        def concerns(other: str) -> bool:
            return other in {name, HOLD_NAME} or other.lstrip(".").startswith(its_own)

        try:
            listing = self._lister.read(self._full(base), concerns)
        except OSError as error:
            self._scan.trouble[base] = _reason(error)
            self._scan.unread.add(base)
            return
        if name in listing.files:
            is_held = place.is_held or HOLD_NAME in listing.files
            self._file(base, name, listing, is_held=is_held, blockers=_blockers(listing))

    def _directory(self, place: _Place) -> None:
        base = place.path
        try:
            listing = self._read(base)
        except FileNotFoundError:
            return
        except OSError as error:
            self._scan.trouble[base] = _reason(error)
            self._scan.unread.add(base)
            return
        is_held = place.is_held or HOLD_NAME in listing.files
        if FOLDER_POLICY_NAME in listing.files:
            self._scan.policies[_join(base, FOLDER_POLICY_NAME)] = identity_of(
                listing.files[FOLDER_POLICY_NAME]
            )
        for link, reason in listing.links.items():
            self._scan.trouble[_join(base, link)] = reason
        if self._is_saved_model(base, listing):
            self._saved_model(place, listing, is_held=is_held)
            return
        blockers = _blockers(listing)
        for name in listing.files:
            self._file(base, name, listing, is_held=is_held, blockers=blockers)
        for name, status in listing.directories.items():
            if not is_hidden_directory(name) and not is_temporary(name):
                self._enter(place, name, status, listing, is_held=is_held)

    def _enter(
        self,
        above: _Place,
        name: str,
        status: os.stat_result,
        listing: Listing,
        *,
        is_held: bool,
    ) -> None:
        place = above.below(name, status, is_held=is_held)
        if name in listing.followed:
            if (status.st_dev, status.st_ino) in above.chain:
                self._scan.trouble[place.path] = "a symbolic link to a folder that it lies in"
                return
            self._scan.linked.add(place.path)
        if status.st_dev != above.device:
            self._scan.mounts.add(place.path)
        self._directory(place)

    def _is_saved_model(self, base: str, listing: Listing) -> bool:
        """Whether a directory is a SavedModel, whole or in part; an empty one would become one."""
        if _MARKER_FILES & listing.files.keys():
            is_model = True
        elif "variables" in listing.directories:
            is_model = self._holds_variables(_join(base, "variables"))
        else:
            flags = {HOLD_NAME, READY_NAME}
            is_model = not (listing.directories or listing.links or listing.files.keys() - flags)
        if is_model and not base:
            if _MARKER_FILES & listing.files.keys():
                self._scan.trouble[""] = (
                    "the root itself is a model; put it in a folder of the root"
                )
            return False
        return is_model

    def _holds_variables(self, base: str) -> bool:
        try:
            listing = self._read(base)
        except OSError:
            return True
        return any(name.startswith("variables.") for name in listing.files) or not (
            listing.files or listing.directories
        )

    def _file(
        self,
        base: str,
        name: str,
        listing: Listing,
        *,
        is_held: bool,
        blockers: Mapping[str, list[str]],
    ) -> None:
        kind = kind_of_file(name)
        if kind is None or is_temporary(name) or name.startswith("."):
            return
        if name in listing.followed:
            self._scan.linked.add(_join(base, name))
        self._scan.models[_join(base, name)] = Snapshot(
            kind=kind,
            files=(("", identity_of(listing.files[name])),),
            blockers=tuple(blockers.get(name, ())),
            is_held=is_held or f"{name}{HOLD_NAME}" in listing.files,
            is_ready=f"{name}{READY_NAME}" in listing.files,
        )

    def _saved_model(self, place: _Place, listing: Listing, *, is_held: bool) -> None:
        unit = _Unit(self._lister, place.device)
        unit.take(f"{self._top}/{place.path}", "", listing)
        self._scan.mounts.update(_join(place.path, below) for below in unit.mounts)
        self._scan.models[place.path] = unit.snapshot(is_held=is_held)


@dataclass(slots=True)
class _Unit:
    """The files of one SavedModel directory."""

    lister: Lister
    device: int
    files: list[tuple[str, FileIdentity]] = field(default_factory=list)
    blockers: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    is_ready: bool = False

    def collect(self, directory: str, below: str) -> None:
        try:
            listing = self.lister.read(directory)
        except OSError as error:
            self.trouble.append(f"{directory}: {_reason(error)}")
            return
        self.take(directory, below, listing)

    def take(self, directory: str, below: str, listing: Listing) -> None:
        self.is_ready = self.is_ready or (not below and READY_NAME in listing.files)
        self.trouble.extend(
            f"{directory}/{link} is {reason}" for link, reason in listing.links.items()
        )
        # A model is one tree: a link in it could be another state, or lead in a circle.
        self.trouble.extend(
            f"{directory}/{name} is a symbolic link; inside a model none is followed"
            for name in sorted(listing.followed)
        )
        for name, status in listing.files.items():
            if is_temporary(name):
                self.blockers.append(_join(below, name))
            elif name not in _NO_CONTENT and not is_noise(name):
                self.files.append((intern(_join(below, name)), identity_of(status)))
        for name, status in listing.directories.items():
            if is_temporary(name):
                self.blockers.append(_join(below, name))
            elif name not in listing.followed and not is_hidden_directory(name):
                if status.st_dev != self.device:
                    self.mounts.append(_join(below, name))
                self.collect(f"{directory}/{name}", _join(below, name))

    def snapshot(self, *, is_held: bool = False) -> Snapshot:
        return Snapshot(
            kind=ModelKind.SAVED_MODEL,
            files=tuple(sorted(self.files)),
            blockers=tuple(self.blockers),
            is_held=is_held,
            is_ready=self.is_ready,
            trouble="; ".join(self.trouble),
        )


def _blockers(listing: Listing) -> Mapping[str, list[str]]:
    """Names in a directory to the temporary ones that begin with each and a dot.

    Made once for a directory: to ask for each file anew took minutes where there were 10,000.
    """
    found: dict[str, list[str]] = {}
    for other in listing.files:
        if is_temporary(other):
            name = other.lstrip(".")
            while "." in name:
                name = name.rpartition(".")[0]
                found.setdefault(name, []).append(other)
    return found


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def snapshot_of(folder: Path) -> Snapshot | None:
    """A directory that is known to be one SavedModel; None where there is no directory."""
    if not folder.is_dir():
        return None
    found = _Unit(Lister(), folder.stat().st_dev)
    found.collect(str(folder), "")
    return found.snapshot()
