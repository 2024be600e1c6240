"""Digests of models and data, kept by identity so that nothing is read twice."""

from pathlib import Path

from tflited.content import combine_files, file_digest
from tflited.domain.model import Digest, FileIdentity, Snapshot
from tflited.sources.recall import Recall


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
