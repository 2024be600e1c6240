"""Opens published sets for readers: one generation each, and no link on the way to it."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tflited.domain.manifest import MANIFEST_NAME, REPORT_NAME, Manifest
from tflited.domain.report import ArtifactFile, ReportDocument
from tflited.errors import OutputError
from tflited.output import records
from tflited.output.layout import Layout

_CHUNK_BYTES: Final = 256 * 1024
_TRIES: Final = 3
"""A set that is withdrawn or replaced while its folder is opened is looked for anew."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HINT: Final = "tflited verify names what is wrong; tflited trigger --force builds it anew"


class PublishedSets:
    """Implements ``SetReader`` over one output tree; for any thread.

    Args:
        root: the output tree.
    """

    def __init__(self, root: Path) -> None:
        self._layout = Layout(root)

    def hold(self, place: str) -> "OpenedSet | None":
        """Opens the set in a place now; None where there is none.

        Raises:
            OutputError: the operating system does not let it be read.
        """
        try:
            target = self._layout.place(place)
        except OutputError:
            return None
        for _ in range(_TRIES):
            home = self._layout.home(target)
            if home is None:
                return None
            try:
                return OpenedSet(self._layout.root, home, place)
            except (FileNotFoundError, NotADirectoryError, ValueError):
                continue
            except OSError as error:
                raise OutputError(f"{home} cannot be read: {error.strerror}.") from error
        return None


class OpenedSet:
    """Implements ``HeldSet``: an open folder, which stays the same whatever takes its place.

    Args:
        root: the output tree.
        home: the set's folder below it.
        place: what the set is called in messages.

    Raises:
        OSError: a folder on the way is a link, or there is none.
        ValueError: there is no manifest of this version.
    """

    def __init__(self, root: Path, home: Path, place: str) -> None:
        self._place = place
        with ExitStack() as stack:
            self._folder = _descend(root, home, stack)
            content = records.content(Path(MANIFEST_NAME), self._folder)
            self.manifest: Manifest = records.decoded_manifest(content)
            self._open = stack.pop_all()
        itself = ArtifactFile(
            path=MANIFEST_NAME, size_bytes=len(content), sha256=records.sha256(content)
        )
        listed = (*self.manifest.files, itself)
        self.listed = tuple(sorted(listed, key=lambda file: file.path))

    def open(self, path: str) -> "OpenedFile":
        """One of the files that are listed.

        Raises:
            OutputError: there is no such plain file.
        """
        listed = next((file for file in self.listed if file.path == path), None)
        if listed is None:
            raise OutputError(f"{self._place}: no file {path!r} is listed.")
        *folders, name = path.split("/")
        try:
            with ExitStack() as passed:
                folder = self._folder
                for part in folders:
                    folder = os.open(_plain(part), _FOLDER, dir_fd=folder)
                    passed.callback(os.close, folder)
                descriptor = os.open(_plain(name), _FILE, dir_fd=folder)
        except OSError as error:
            raise OutputError(
                f"{self._place}: {path} cannot be read: {error.strerror}.", hint=_HINT
            ) from error
        self._open.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OutputError(f"{self._place}: {path} is no regular file.", hint=_HINT)
        return OpenedFile(descriptor, listed, self._place)

    def report(self) -> ReportDocument:
        """The report.

        Raises:
            OutputError: it cannot be read, or is of another version.
        """
        try:
            return records.decoded_report(records.content(Path(REPORT_NAME), self._folder))
        except (OSError, ValueError) as error:
            first = str(error).partition("\n")[0]
            raise OutputError(f"{self._place}: {REPORT_NAME}: {first}.", hint=_HINT) from error

    def close(self) -> None:
        """Lets the set and its files go; may be called again."""
        self._open.close()


class OpenedFile:
    """Implements ``SetFile`` over a descriptor that the set closes."""

    def __init__(self, descriptor: int, listed: ArtifactFile, place: str) -> None:
        self.listed = listed
        self._descriptor = descriptor
        self._place = place

    def chunks(self) -> Iterator[bytes]:
        """Its bytes; the last part comes only when the whole is what the manifest lists.

        Raises:
            OutputError: it is not.
        """
        digest, offset, held = hashlib.sha256(), 0, b""
        while chunk := os.pread(self._descriptor, _CHUNK_BYTES, offset):
            digest.update(chunk)
            offset += len(chunk)
            if offset > self.listed.size_bytes:
                break
            if held:
                yield held
            held = chunk
        if offset != self.listed.size_bytes or digest.hexdigest() != self.listed.sha256:
            raise OutputError(
                f"{self._place}: {self.listed.path}: observed another content, allowed"
                f" {self.listed.size_bytes} bytes with SHA-256 {self.listed.sha256}.",
                hint=_HINT,
            )
        if held:
            yield held


def _descend(root: Path, home: Path, stack: ExitStack) -> int:
    """Opens the folder of a set, one component after the other; the stack keeps the last.

    Raises:
        OSError: one is a link, or there is none.
    """
    with ExitStack() as passed:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        passed.callback(os.close, folder)
        for part in home.relative_to(root).parts:
            folder = os.open(part, _FOLDER, dir_fd=folder)
            passed.callback(os.close, folder)
        kept = os.dup(folder)
    stack.callback(os.close, kept)
    return kept


def _plain(name: str) -> str:
    """A name of the manifest that stays in its folder.

    Raises:
        OSError: it does not.
    """
    if name in {"", ".", ".."} or "\0" in name:
        raise FileNotFoundError(2, "a name that leaves the set", name)
    return name
