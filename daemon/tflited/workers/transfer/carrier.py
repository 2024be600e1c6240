"""The worker's side of the data plane: brings an attempt's files, takes its results back."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import RawIOBase
from pathlib import Path
from threading import Event
from typing import Final
from urllib.parse import urlsplit

from tflited.domain.cluster import TlsFiles, is_loopback
from tflited.domain.model import Digest
from tflited.errors import TransferError, TransferFullError, TransferRefusedError
from tflited.workers.transfer.cache import Cache
from tflited.workers.transfer.certificates import client_context
from tflited.workers.transfer.line import CHUNK_BYTES, Line
from tflited.workers.transfer.offer import Announcement, FileEntry, Offer
from tflited.workers.transfer.shared import (
    NO_ROOM,
    copy_shared,
    make_folders,
    place_of,
    remove,
)

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DAMAGES: Final = 2
"""How often a file may arrive damaged before its transfer fails."""


class Carrier:
    """Carries files for attempts; any thread may use it, and any process the same cache.

    Args:
        cache: the cache's own directory, made when missing.
        cache_bytes: what it may hold.
        tls: certificates of the cluster; None for none.

    Raises:
        CannotStartError: the certificates cannot be used.
    """

    def __init__(self, *, cache: Path, cache_bytes: int, tls: TlsFiles | None) -> None:
        self._cache = Cache(cache, most_bytes=cache_bytes)
        self._context = None if tls is None else client_context(tls)

    def fetch(self, offer: Offer, name: str, into: Path, *, cancel: Event | None = None) -> Path:
        """Brings one item, from the daemon's own path where this machine sees the same content.

        Args:
            offer: what the daemon offers to the attempt.
            name: of the item.
            into: an existing directory, private to the attempt.
            cancel: when set, the transfer ends within a piece, or one wait for the network.

        Returns:
            The item below ``into`` under its own name: read-only files, verified while they were
            copied, that share nothing with the cache.

        Raises:
            TransferError: it cannot be had; ``retryable`` says whether later may be better.
            SourceChangedError: the daemon's file is not what it offered any more.
        """
        item, wanted = offer.item(name), cancel or Event()
        target = into / item.base
        with _storage(target):
            if copy_shared(item, target):
                return target
            try:
                make_folders(item, target)
                with self._line(offer, wanted) as line:
                    for file in item.files:
                        self._copy(line, file, place_of(item, target, file), wanted)
            except BaseException:
                remove(target)
                raise
        return target

    def deliver(self, offer: Offer, folder: Path, *, cancel: Event | None = None) -> None:
        """Streams every regular file below a folder to the daemon, then says that this is all.

        Links, pipes and what else a child may have left are not delivered, and none is followed.

        Args:
            offer: what the daemon offered to the attempt.
            folder: nobody writes it any more.
            cancel: as for ``fetch``.

        Raises:
            TransferEndedError: the attempt is over for the daemon.
            TransferRefusedError: it is more than the offer allows.
            TransferError: it cannot be delivered now.
        """
        with _storage(folder), self._line(offer, cancel or Event()) as line:
            found = announced(folder, offer)
            content = found.to_json()
            line.persist("results", lambda: line.send("PUT", "/v1/result", content, len(content)))
            for number, file in enumerate(found.files):
                line.persist(file.path, _sending(line, number, folder, file))
            line.persist("results", lambda: line.send("POST", "/v1/result", b"", 0))

    @contextmanager
    def _line(self, offer: Offer, cancel: Event) -> Iterator[Line]:
        is_encrypted = offer.url.startswith("https:")
        if is_encrypted is (self._context is None):
            observed, allowed = ("https", "http") if is_encrypted else ("http", "https")
            raise TransferRefusedError(
                f"Attempt {offer.attempt}: observed a depot with {observed}, allowed {allowed}.",
                hint="give daemon and workers certificates of one authority, or neither any",
            )
        if not is_encrypted and not is_loopback(urlsplit(offer.url).hostname or ""):
            raise TransferRefusedError(
                f"Attempt {offer.attempt}: observed {offer.url} without TLS, allowed loopback.",
                hint="docs/scaling.md makes certificates with openssl",
            )
        line = Line(offer, self._context, cancel)
        try:
            yield line
        finally:
            line.close()

    def _copy(self, line: Line, file: FileEntry, target: Path, cancel: Event) -> None:
        self._cache.copy(file, target, lambda descriptor: _fill(line, file, descriptor), cancel)


def _fill(line: Line, file: FileEntry, descriptor: int) -> None:
    """Fetches a file from where its beginning ends, until the whole is what was offered."""
    for _ in range(_DAMAGES):
        part = _Part(descriptor)
        part.read(file.size_bytes)
        line.persist(file.path, partial(part.fetch, line, file))
        observed = part.digest.hexdigest()
        if observed == file.sha256:
            return
        os.ftruncate(descriptor, 0)
    raise TransferError(
        f"{file.path}: observed SHA-256 {observed} {_DAMAGES} times, allowed {file.sha256}.",
        hint="something between this worker and the daemon changes bytes",
    )


class _Part:
    """What is there of a file, and the digest of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size_bytes = 0
        self.digest = hashlib.sha256()

    def read(self, most_bytes: int) -> None:
        """Takes over what a process before this one left, unless it is too much."""
        if os.fstat(self._descriptor).st_size > most_bytes:
            os.ftruncate(self._descriptor, 0)
        while chunk := os.pread(self._descriptor, CHUNK_BYTES, self._size_bytes):
            self._add(chunk)

    def fetch(self, line: Line, file: FileEntry) -> None:
        """Fetches the rest.

        Raises:
            TransferError: it ended early, or is longer than what was offered.
        """
        if self._size_bytes == file.size_bytes:
            return
        path = f"/v1/blobs/{file.sha256}"
        for place, chunk in line.fetch(path, self._size_bytes):
            if place != self._size_bytes:
                self._restart()
            if self._size_bytes + len(chunk) > file.size_bytes:
                raise TransferRefusedError(
                    f"{file.path}: observed more than the {file.size_bytes} bytes of the offer."
                )
            with _storage(Path(file.path)):  # a disk's fault is not the network's
                _write(self._descriptor, chunk, self._size_bytes)
            self._add(chunk)
        if self._size_bytes < file.size_bytes:
            raise TransferError(
                f"{file.path}: observed {self._size_bytes} of {file.size_bytes} bytes."
            )

    def _add(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self._size_bytes += len(chunk)

    def _restart(self) -> None:
        os.ftruncate(self._descriptor, 0)
        self._size_bytes = 0
        self.digest = hashlib.sha256()


def _write(descriptor: int, chunk: bytes, place: int) -> None:
    left = memoryview(chunk)
    while left:
        count = os.pwrite(descriptor, left, place)
        left, place = left[count:], place + count


def _sending(line: Line, number: int, folder: Path, file: FileEntry) -> Callable[[], None]:
    def send() -> None:
        descriptor = os.open(folder / file.path, _READ)
        with os.fdopen(descriptor, "rb") as stream:
            if os.fstat(descriptor).st_size != file.size_bytes:
                raise TransferRefusedError(f"{file.path} changed while it was delivered.")
            line.send("PUT", f"/v1/result/{number}", stream, file.size_bytes)

    return send


def announced(folder: Path, offer: Offer) -> Announcement:
    """Lists and digests what is to be delivered.

    Raises:
        TransferRefusedError: it is more than the offer allows.
    """
    files, folders = list[FileEntry](), list[str]()
    size_bytes = 0
    for above, names, leaves, place in os.fwalk(folder, follow_symlinks=False):
        below = os.path.relpath(above, folder)
        prefix = "" if below == "." else f"{below}/"
        folders.extend(f"{prefix}{name}" for name in names if not _is_link(name, place))
        for leaf in leaves:
            descriptor = os.open(leaf, _READ, dir_fd=place) if _is_file(leaf, place) else None
            if descriptor is None:
                continue
            with os.fdopen(descriptor, "rb", buffering=0) as stream:
                size_bytes += os.fstat(descriptor).st_size
                _check_allowed(offer, size_bytes, len(files) + len(folders) + 1)
                files.append(_entry(f"{prefix}{leaf}", stream))
    _check_allowed(offer, size_bytes, len(files) + len(folders))
    return Announcement(files=tuple(files), folders=tuple(folders))


def _check_allowed(offer: Offer, size_bytes: int, entries: int) -> None:
    if size_bytes > offer.most_bytes or entries > offer.most_files:
        raise TransferRefusedError(
            f"Results of attempt {offer.attempt}: observed {size_bytes} bytes in {entries} files"
            f" and folders or more, allowed {offer.most_bytes} in {offer.most_files}.",
            hint="raise output_bytes in the policy's limits if the model is to be trusted",
        )


def _entry(path: str, stream: RawIOBase) -> FileEntry:
    digest, size_bytes = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
        size_bytes += len(chunk)
    return FileEntry(path=path, size_bytes=size_bytes, sha256=Digest(digest.hexdigest()))


def _is_link(name: str, folder: int) -> bool:
    return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)


def _is_file(name: str, folder: int) -> bool:
    return stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode)


@contextmanager
def _storage(place: Path) -> Iterator[None]:
    """Names trouble with this machine's own files.

    Raises:
        TransferError: there was some; TransferFullError where there is no room.
    """
    try:
        yield
    except OSError as error:
        message = f"{place}: {error.strerror or error}."
        if error.errno in NO_ROOM:
            raise TransferFullError(message, hint="free space on the worker") from error
        raise TransferError(message, hint="the worker's user must own that folder") from error
