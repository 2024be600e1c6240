"""Content digests of models and data, cached by identity so that nothing is read twice."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tflited.domain.build_key import combine
from tflited.domain.model import Digest, FileIdentity, Snapshot
from tflited.sources.recall import Recall

_CHUNK_BYTES: Final = 1 << 20


class Digester:
    """Digests files. Reads none that the cache knows.

    Args:
        recall: the cache; one in memory by default.
    """

    def __init__(self, recall: Recall | None = None) -> None:
        self._recall = Recall() if recall is None else recall

    def file(self, path: Path, identity: FileIdentity) -> Digest:
        """SHA-256 of a file's content, from the cache while its identity is the same."""
        known = self._recall.file(identity)
        if known is None:
            known = file_digest(path)
            self._recall.keep_file(identity, known)
        return known

    def model(self, path: Path, snapshot: Snapshot) -> Digest:
        """Digest of a model: names and contents of its files, in the order of their names."""
        return combine_files(
            (name, self.file(path / name if name else path, identity))
            for name, identity in snapshot.files
        )

    def forget(self, snapshot: Snapshot) -> None:
        """Lets a model's files be read again although their identities are the same."""
        for _, identity in snapshot.files:
            self._recall.forget_file(identity)


def combine_files(files: Iterable[tuple[str, Digest]]) -> Digest:
    """One digest of several files, from their names and digests in the given order."""
    return combine(*(part for name, digest in files for part in (name, digest)))


def file_digest(path: Path) -> Digest:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return Digest(digest.hexdigest())


def copy_with_digest(source: Path, destination: Path) -> Digest:
    """Copies a regular file and digests exactly the bytes that were copied.

    Args:
        source: read without following a symbolic link at its end.
        destination: a new file, left read-only; not synced, since a copy can be made again.
    """
    digest = hashlib.sha256()
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as reading, destination.open("xb") as writing:
        while chunk := reading.read(_CHUNK_BYTES):
            digest.update(chunk)
            writing.write(chunk)
    destination.chmod(0o444)
    return Digest(digest.hexdigest())
