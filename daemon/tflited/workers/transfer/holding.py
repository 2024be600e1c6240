"""What the daemon holds for one attempt: files to fetch, a place for what comes back, and its end.

After ``end`` nothing of the attempt is served or taken any more, and its place is gone.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from threading import Condition
from typing import Final

from tflited.domain.model import Digest, FileIdentity
from tflited.workers.transfer.offer import Announcement, FileEntry
from tflited.workers.transfer.server import Connection

CHUNK_BYTES: Final = 1 << 18
END_SECONDS: Final = 5.0
"""How long requests that were cut off may take to notice."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_GONE: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR})


class RefusalError(Exception):
    """A request that is answered with a reason.

    Args:
        status: of HTTP.
        reason: observed against allowed.
    """

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file that may be fetched, as it was when it was digested."""

    path: Path
    identity: FileIdentity


def identity_of(status: os.stat_result) -> FileIdentity:
    """What tells that a file is still the one that was digested."""
    return FileIdentity(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


class Holding:
    """One attempt's files on the daemon's side; any thread may use it.

    Args:
        attempt: ``JOB.ATTEMPT``.
        blobs: what may be fetched, by content.
        place: the attempt's own directory; made by the first announcement.
        most_bytes: what may be delivered.
        most_files: how many files and folders may be delivered.
    """

    def __init__(
        self,
        attempt: str,
        blobs: Mapping[Digest, Blob],
        *,
        place: Path,
        most_bytes: int,
        most_files: int,
    ) -> None:
        self.attempt = attempt
        self._blobs = blobs
        self._place = place
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._announced: Announcement | None = None
        self._received: set[int] = set()
        self._is_final = False
        self._is_over = False
        self._users: set[Connection] = set()
        self._writer: Connection | None = None
        self._change = Condition()

    @property
    def delivered(self) -> Path | None:
        """The folder of everything that came back, once its worker said that this is all."""
        with self._change:
            return self._files if self._is_final and not self._is_over else None

    @property
    def _files(self) -> Path:
        return self._place / "files"

    @contextmanager
    def used(self, connection: Connection) -> Iterator[None]:
        """Keeps the attempt's place during one request.

        Args:
            connection: of the request; it is cut when the attempt ends.

        Raises:
            RefusalError: the attempt is over.
        """
        with self._change:
            self._check_not_over()
            self._users.add(connection)
        try:
            yield
        finally:
            with self._change:
                self._users.discard(connection)
                self._change.notify_all()

    def end(self) -> None:
        """Cuts off whatever is under way and removes what was delivered."""
        with self._change:
            self._is_over = True
            for connection in self._users:
                connection.cut()
            self._change.wait_for(lambda: not self._users, END_SECONDS)
        shutil.rmtree(self._place, ignore_errors=True)

    def open(self, digest: Digest) -> tuple[int, int]:
        """Opens a file that is offered.

        Returns:
            A descriptor that the caller closes, and the size.

        Raises:
            RefusalError: it is not offered, or is not what was digested any more.
        """
        blob = self._blobs.get(digest)
        if blob is None:
            raise RefusalError(
                HTTPStatus.NOT_FOUND, f"observed {digest[:12]}, allowed what was offered"
            )
        try:
            descriptor = os.open(
                blob.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except OSError as error:
            is_gone = error.errno in _GONE
            status = HTTPStatus.PRECONDITION_FAILED if is_gone else HTTPStatus.BAD_GATEWAY
            raise RefusalError(status, f"{blob.path.name}: {error.strerror}") from error
        if identity_of(os.fstat(descriptor)) != blob.identity:
            os.close(descriptor)
            raise RefusalError(
                HTTPStatus.PRECONDITION_FAILED, f"{blob.path.name} changed since it was offered"
            )
        return descriptor, blob.identity.size

    def announce(self, announcement: Announcement) -> None:
        """Takes the list of what will be delivered; the same list may come again.

        Raises:
            RefusalError: it is too much, there is no room for it, or it differs from one before.
        """
        entries = len(announcement.files) + len(announcement.folders)
        size_bytes = announcement.size_bytes
        if entries > self._most_files or size_bytes > self._most_bytes:
            raise RefusalError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"observed {entries} files and folders of {size_bytes} bytes, allowed"
                f" {self._most_files} of {self._most_bytes}",
            )
        with self._change:
            self._check_not_over()
            if self._announced not in {None, announcement}:
                raise RefusalError(
                    HTTPStatus.CONFLICT, "observed another list than before, allowed one"
                )
            if self._announced is not None:
                return
            with _room(self._place):
                self._make_places(announcement)
            self._announced = announcement

    def _make_places(self, announcement: Announcement) -> None:
        free = shutil.disk_usage(self._place.parent).free
        if announcement.size_bytes > free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for folder in ("files", "parts"):
            (self._place / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        for below in announcement.folders:
            (self._files / below).mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def writing(self, number: int, connection: Connection) -> Iterator[FileEntry]:
        """Lets one request write; a worker sends one file at a time, so another one is dead.

        Args:
            number: of the file in the announcement.
            connection: of the request; it is cut when the worker sends anew.

        Raises:
            RefusalError: no such file was announced, or the delivery is final.
        """
        with self._change:
            if self._announced is None or self._is_final:
                raise RefusalError(
                    HTTPStatus.CONFLICT, "observed a file outside of a delivery, allowed none"
                )
            if not 0 <= number < len(self._announced.files):
                raise RefusalError(
                    HTTPStatus.NOT_FOUND,
                    f"observed file {number}, allowed 0 to {len(self._announced.files) - 1}",
                )
            if self._writer is not None:
                self._writer.cut()
                if not self._change.wait_for(lambda: self._writer is None, END_SECONDS):
                    raise RefusalError(
                        HTTPStatus.SERVICE_UNAVAILABLE, "another file of the attempt is written"
                    )
            self._check_not_over()
            self._writer = connection
            entry = self._announced.files[number]
        try:
            yield entry
        finally:
            with self._change:
                self._writer = None
                self._change.notify_all()

    def receive(self, number: int, entry: FileEntry, chunks: Iterator[memoryview]) -> None:
        """Writes one file, and keeps it where its content is what was announced.

        Raises:
            RefusalError: it is not, there is no room, or the attempt is over.
        """
        part = self._place / "parts" / f"{number}.{token_hex(8)}"
        with _room(part):
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            observed = _written(part, descriptor, chunks)
            if observed != entry.sha256:
                raise RefusalError(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"observed SHA-256 {observed}, allowed {entry.sha256} as announced",
                )
            self._keep(number, entry, part)
        finally:
            os.close(descriptor)
            part.unlink(missing_ok=True)

    def _keep(self, number: int, entry: FileEntry, part: Path) -> None:
        target = self._files / entry.path
        with self._change:
            self._check_not_over()
            if self._is_final:
                raise RefusalError(HTTPStatus.CONFLICT, "the delivery is final")
            with _room(target):
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                # A link replaces nothing; a second delivery of a file has the same content.
                with suppress(FileExistsError):
                    os.link(part, target, follow_symlinks=False)
            self._received.add(number)

    def finish(self) -> None:
        """Makes the delivery final; a second call changes nothing.

        Raises:
            RefusalError: something that was announced has not come.
        """
        with self._change:
            self._check_not_over()
            if self._announced is None:
                raise RefusalError(HTTPStatus.CONFLICT, "nothing was announced")
            missing = len(self._announced.files) - len(self._received)
            if missing:
                raise RefusalError(
                    HTTPStatus.CONFLICT, f"observed {missing} files that never came, allowed none"
                )
            self._is_final = True

    def _check_not_over(self) -> None:
        if self._is_over:
            raise RefusalError(HTTPStatus.GONE, f"attempt {self.attempt} is over")


def _written(part: Path, descriptor: int, chunks: Iterator[memoryview]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        with _room(part):
            left = chunk
            while left:
                left = left[os.write(descriptor, left) :]
    return digest.hexdigest()


@contextmanager
def _room(path: Path) -> Iterator[None]:
    """Answers trouble with the disk; a repetition may find it better.

    Raises:
        RefusalError: the file system is full, or fails.
    """
    try:
        yield
    except OSError as error:
        is_full = error.errno in _FULL
        raise RefusalError(
            HTTPStatus.INSUFFICIENT_STORAGE if is_full else HTTPStatus.INTERNAL_SERVER_ERROR,
            f"staging of {path.name}: {error.strerror}",
        ) from error
