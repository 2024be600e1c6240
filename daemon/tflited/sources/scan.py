"""Sees what is on disk: walks a root with scandir and finds its models; decides nothing.

A directory is one model as soon as anything in it belongs to a SavedModel, also while the rest is
missing: a model that is being copied must be seen as one from its first file.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from tflited.domain.model import FileIdentity, ModelKind, Scan, Snapshot, kind_of_file
from tflited.domain.policy import FOLDER_POLICY_NAME
from tflited.domain.ports import Root
from tflited.sources.names import (
    HOLD_NAME,
    READY_NAME,
    is_hidden_directory,
    is_noise,
    is_temporary,
    speaks_for_its_folder,
)

_MARKER_FILES: Final = frozenset(
    {"saved_model.pb", "saved_model.pbtxt", "fingerprint.pb", "keras_metadata.pb"}
)


def identity_of(status: os.stat_result) -> FileIdentity:
    """The identity in a stat result."""
    return FileIdentity(
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
    )


@dataclass(slots=True)
class _Listing:
    """One directory's entries, sorted by name, links left out."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    directories: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def _list(path: Path) -> _Listing:
    listing = _Listing()
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # gone since the listing; the next look decides
        if stat.S_ISLNK(status.st_mode):
            listing.links.append(entry.name)
        elif stat.S_ISDIR(status.st_mode):
            listing.directories.append(entry.name)
        elif stat.S_ISREG(status.st_mode):
            listing.files[entry.name] = status
    return listing


def _join(base: str, name: str) -> str:
    return f"{base}/{name}" if base else name


class DirectoryScanner:
    """Walks roots. Holds no state, follows no symbolic link, opens no file."""

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
        _list(root.path)  # an unreadable root is an outage, not an empty root
        walk = _Walk(root, Scan(root=root.name, scope="", models={}, policies={}, trouble={}))
        return walk.run(scope)


class _Walk:
    """One walk in progress."""

    def __init__(self, root: Root, scan: Scan) -> None:
        self._root = root
        self._scan = scan

    def run(self, scope: str) -> Scan:
        widened, is_held = self._widen(scope)
        path = self._root.path / widened
        if widened and (path.is_symlink() or not path.is_dir()):
            self._lone_file(widened, is_held=is_held)
        else:
            self._directory(widened, is_held=is_held)
        scan = self._scan
        return Scan(
            root=scan.root,
            scope=widened,
            models=scan.models,
            policies=scan.policies,
            trouble=scan.trouble,
        )

    def _widen(self, scope: str) -> tuple[str, bool]:
        """The path to walk for a scope, and whether a folder above it is held."""
        walked, is_held = "", False
        for part in PurePosixPath(scope).parts:
            try:
                listing = _list(self._root.path / walked)
            except OSError:
                break
            if walked and self._is_saved_model(walked, listing):
                return walked, is_held
            is_held = is_held or HOLD_NAME in listing.files
            if speaks_for_its_folder(part):
                return walked, is_held
            if is_hidden_directory(part) or part not in {*listing.directories, *listing.files}:
                # A vanished or hidden name: its folder tells what became of it, except at the top,
                # where the name alone is looked at so that one file does not cost the whole root.
                return (walked or part), is_held
            walked = _join(walked, part)
        return walked, is_held

    def _lone_file(self, path: str, *, is_held: bool) -> None:
        parent = str(PurePosixPath(path).parent)
        base = "" if parent == "." else parent
        try:
            listing = _list(self._root.path / base)
        except OSError as error:
            self._scan.trouble[base] = _reason(error)
            return
        name = PurePosixPath(path).name
        if name in listing.files:
            self._file(base, name, listing, is_held=is_held or HOLD_NAME in listing.files)

    def _directory(self, base: str, *, is_held: bool) -> None:
        try:
            listing = _list(self._root.path / base)
        except FileNotFoundError:
            return
        except OSError as error:
            self._scan.trouble[base] = _reason(error)
            return
        is_held = is_held or HOLD_NAME in listing.files
        if FOLDER_POLICY_NAME in listing.files:
            self._scan.policies[_join(base, FOLDER_POLICY_NAME)] = identity_of(
                listing.files[FOLDER_POLICY_NAME]
            )
        for link in listing.links:
            self._scan.trouble[_join(base, link)] = "a symbolic link; links are not followed"
        if self._is_saved_model(base, listing):
            self._saved_model(base, is_held=is_held)
            return
        for name in listing.files:
            self._file(base, name, listing, is_held=is_held)
        for name in listing.directories:
            if not is_hidden_directory(name) and not is_temporary(name):
                self._directory(_join(base, name), is_held=is_held)

    def _is_saved_model(self, base: str, listing: _Listing) -> bool:
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
            listing = _list(self._root.path / base)
        except OSError:
            return True
        return any(name.startswith("variables.") for name in listing.files) or not (
            listing.files or listing.directories
        )

    def _file(self, base: str, name: str, listing: _Listing, *, is_held: bool) -> None:
        kind = kind_of_file(name)
        if kind is None or is_temporary(name) or name.startswith("."):
            return
        blockers = tuple(
            other
            for other in listing.files
            if is_temporary(other) and other.lstrip(".").startswith(f"{name}.")
        )
        self._scan.models[_join(base, name)] = Snapshot(
            kind=kind,
            files=(("", identity_of(listing.files[name])),),
            blockers=blockers,
            is_held=is_held or f"{name}{HOLD_NAME}" in listing.files,
            is_ready=f"{name}{READY_NAME}" in listing.files,
        )

    def _saved_model(self, base: str, *, is_held: bool) -> None:
        found = _Unit()
        found.collect(self._root.path / base, "")
        self._scan.models[base] = Snapshot(
            kind=ModelKind.SAVED_MODEL,
            files=tuple(sorted(found.files.items())),
            blockers=tuple(found.blockers),
            is_held=is_held,
            is_ready=found.is_ready,
            trouble="; ".join(found.trouble),
        )


@dataclass(slots=True)
class _Unit:
    """The files of one SavedModel directory."""

    files: dict[str, FileIdentity] = field(default_factory=dict)
    blockers: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    is_ready: bool = False

    def collect(self, directory: Path, below: str) -> None:
        try:
            listing = _list(directory)
        except OSError as error:
            self.trouble.append(f"{directory}: {_reason(error)}")
            return
        self.is_ready = self.is_ready or (not below and READY_NAME in listing.files)
        self.trouble.extend(
            f"{directory / link} is a symbolic link; links are not followed"
            for link in listing.links
        )
        for name, status in listing.files.items():
            if is_temporary(name):
                self.blockers.append(_join(below, name))
            elif name not in {HOLD_NAME, READY_NAME, FOLDER_POLICY_NAME} and not is_noise(name):
                self.files[_join(below, name)] = identity_of(status)
        for name in listing.directories:
            if is_temporary(name):
                self.blockers.append(_join(below, name))
            elif not is_hidden_directory(name):
                self.collect(directory / name, _join(below, name))


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def snapshot_of(folder: Path) -> Snapshot | None:
    """A directory that is known to be one SavedModel; None where there is no directory."""
    if not folder.is_dir():
        return None
    found = _Unit()
    found.collect(folder, "")
    return Snapshot(
        kind=ModelKind.SAVED_MODEL,
        files=tuple(sorted(found.files.items())),
        blockers=tuple(found.blockers),
        trouble="; ".join(found.trouble),
    )
