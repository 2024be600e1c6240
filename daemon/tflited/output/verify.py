"""Compares published sets with their manifests: every file, and nothing else; writes nothing."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Final

from tflited.domain.manifest import MANIFEST_NAME, MANIFEST_VERSION, REPORT_NAME, Manifest
from tflited.domain.report import ArtifactFile
from tflited.output import records
from tflited.output.intake import SUFFIXES
from tflited.output.layout import PRIVATE_NAME, Layout

_CHUNK_BYTES: Final = 2**20
_TRIES: Final = 3
"""A set that is replaced while it is read is read anew."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Fault(StrEnum):
    """What may be wrong."""

    MANIFEST = "manifest"
    """It cannot be read, or contradicts itself."""
    PLACE = "place"
    """The set lies elsewhere than its manifest says."""
    MISSING = "missing"
    """A listed file is not there."""
    EXTRA = "extra"
    """A file is there that no manifest lists."""
    TYPE = "type"
    """Something is a link, a pipe, a folder or has several names."""
    SIZE = "size"
    """A file has another size."""
    CONTENT = "content"
    """A file has another SHA-256."""
    UNREADABLE = "unreadable"
    """The operating system refuses to read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with one file of one set."""

    place: str
    file: str
    fault: Fault
    observed: str
    allowed: str = ""


@dataclass(slots=True)
class Verification:
    """What was compared, and what is wrong."""

    sets: int = 0
    files: int = 0
    size_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


def verify(directory: Path) -> Verification:
    """Compares a set, or every set below a directory, with what its manifest lists.

    Args:
        directory: a published set, an output tree or a part of one; the daemon may go on.

    Raises:
        OSError: it cannot be opened.
    """
    top = directory.resolve(strict=True)
    if not top.is_dir():
        raise NotADirectoryError(f"{directory} is no directory")
    found = Verification()
    if _looks_like_a_set(top):
        _check_set(top, directory.name, found)
        return found
    root = next((each for each in (top, *top.parents) if (each / PRIVATE_NAME).is_dir()), None)
    layout = Layout(root or top)
    for place in _places(top, layout, found):
        shown = str(place.relative_to(top))
        manifest = _check_set(place, shown, found, layout)
        if root is not None and manifest is not None and layout.private not in place.parents:
            _check_place(place, shown, manifest, layout, found)
    return found


def _looks_like_a_set(path: Path) -> bool:
    return any((path / name).is_file() for name in (MANIFEST_NAME, REPORT_NAME))


def _places(top: Path, layout: Layout, found: Verification) -> Iterator[Path]:
    """Every place below a directory that shows a set; told is what belongs to none."""
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found.findings.append(_unreadable(str(folder.relative_to(top)), "", error))
            continue
        for entry in inside:
            path = Path(entry)
            if path == layout.private:
                continue
            if entry.is_symlink() and layout.home(path) is None:
                found.findings.append(_wrong_type(str(path.relative_to(top)), "", "symbolic link"))
            elif entry.is_symlink() or _is_a_set_folder(entry):
                yield path
            elif entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif path.suffix in SUFFIXES:
                shown = str(path.relative_to(top))
                found.findings.append(
                    Finding(place="", file=shown, fault=Fault.EXTRA, observed="outside any set")
                )


def _is_a_set_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and _looks_like_a_set(Path(entry))


def _check_set(
    place: Path, shown: str, found: Verification, layout: Layout | None = None
) -> Manifest | None:
    """Checks one set, from its beginning where it was replaced meanwhile; tells its manifest."""
    for attempt in range(1, _TRIES + 1):
        home = layout.home(place) if layout else place
        check = _SetCheck(shown)
        identity = check.run(home or place)
        again = layout.home(place) if layout else place
        if _identity(place) is None:  # withdrawn meanwhile
            return None
        is_same = home == again and identity == _identity(again or place)
        if is_same or not check.findings or attempt == _TRIES:
            break
    found.sets += 1
    found.files += check.files
    found.size_bytes += check.size_bytes
    found.findings += check.findings
    return check.manifest


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _check_place(
    place: Path, shown: str, manifest: Manifest, layout: Layout, found: Verification
) -> None:
    expected = manifest.save_to or str(manifest.model)
    observed = str(place.relative_to(layout.root))
    if observed != expected:
        found.findings.append(
            Finding(place=shown, file="", fault=Fault.PLACE, observed=observed, allowed=expected)
        )


class _SetCheck:
    """One look at one set; every file is opened below the folder that was opened first."""

    def __init__(self, shown: str) -> None:
        self.findings: list[Finding] = []
        self.files = self.size_bytes = 0
        self.manifest: Manifest | None = None
        self._shown = shown

    def run(self, folder: Path) -> tuple[int, int] | None:
        """Looks; returns the identity of the folder that was looked into."""
        try:
            opened = os.open(folder, _FOLDER)
        except OSError as error:
            self.findings.append(_unreadable(self._shown, "", error))
            return None
        try:
            self._look(opened)
            status = os.fstat(opened)
        finally:
            os.close(opened)
        return status.st_dev, status.st_ino

    def _look(self, folder: int) -> None:
        try:
            self.manifest = records.manifest_in(folder)
        except (OSError, ValueError) as error:
            first = str(error).partition("\n")[0]
            self._tell(MANIFEST_NAME, Fault.MANIFEST, first, f"version {MANIFEST_VERSION}")
            return
        listed = {file.path: file for file in self.manifest.files}
        for path, file in sorted(listed.items()):
            if _is_plain(path):
                self._check_file(folder, file)
            else:
                self._tell(path, Fault.MANIFEST, "a path that leaves the set", "a relative path")
        for variant in self.manifest.variants:
            if variant.tflite and variant.tflite not in listed:
                self._tell(variant.tflite, Fault.MANIFEST, f"named by {variant.variant}", "listed")
        self._look_for_others(folder, PurePosixPath(), {MANIFEST_NAME, *listed})

    def _check_file(self, folder: int, file: ArtifactFile) -> None:
        with ExitStack() as stack:

            def opened(name: str, flags: int, within: int) -> int:
                descriptor = os.open(name, flags, dir_fd=within)
                stack.callback(os.close, descriptor)
                return descriptor

            *folders, name = file.path.split("/")
            try:
                for part in folders:
                    folder = opened(part, _FOLDER, folder)
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if (wrong := _wrong_kind(status)) is not None:
                    self.findings.append(_wrong_type(self._shown, file.path, wrong))
                elif status.st_size != file.size_bytes:
                    self._tell(file.path, Fault.SIZE, str(status.st_size), str(file.size_bytes))
                else:
                    self._compare(opened(name, _FILE, folder), file)
            except FileNotFoundError:
                self._tell(file.path, Fault.MISSING, "nothing", f"{file.size_bytes} bytes")
            except NotADirectoryError:
                self.findings.append(_wrong_type(self._shown, file.path, "below no folder"))
            except OSError as error:
                self.findings.append(_unreadable(self._shown, file.path, error))

    def _compare(self, descriptor: int, file: ArtifactFile) -> None:
        digest = hashlib.sha256()
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            digest.update(chunk)
            self.size_bytes += len(chunk)
        self.files += 1
        if digest.hexdigest() != file.sha256:
            self._tell(file.path, Fault.CONTENT, digest.hexdigest(), file.sha256)

    def _look_for_others(self, folder: int, above: PurePosixPath, listed: set[str]) -> None:
        above_listed = {str(parent) for path in listed for parent in PurePosixPath(path).parents}
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
        for entry in inside:
            path = above / entry.name
            if str(path) in listed:
                continue
            if str(path) not in above_listed or not entry.is_dir(follow_symlinks=False):
                self._tell(str(path), Fault.EXTRA, "not listed")
                continue
            try:
                inner = os.open(entry.name, _FOLDER, dir_fd=folder)
            except OSError as error:
                self.findings.append(_unreadable(self._shown, str(path), error))
                continue
            try:
                self._look_for_others(inner, path, listed)
            finally:
                os.close(inner)

    def _tell(self, file: str, fault: Fault, observed: str, allowed: str = "") -> None:
        self.findings.append(
            Finding(place=self._shown, file=file, fault=fault, observed=observed, allowed=allowed)
        )


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return all(part not in {"", ".", ".."} and "\0" not in part for part in parts)


def _wrong_kind(status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "symbolic link"
    if not stat.S_ISREG(status.st_mode):
        return f"mode {status.st_mode:o}"
    return f"{status.st_nlink} names" if status.st_nlink != 1 else None


def _wrong_type(place: str, file: str, observed: str) -> Finding:
    allowed = "a regular file with one name" if file else "a directory"
    return Finding(place=place, file=file, fault=Fault.TYPE, observed=observed, allowed=allowed)


def _unreadable(place: str, file: str, error: OSError) -> Finding:
    reason = error.strerror or str(error)
    return Finding(place=place, file=file, fault=Fault.UNREADABLE, observed=reason)
