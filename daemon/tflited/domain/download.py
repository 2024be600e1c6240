"""A published set as a door hands it out: one generation, held open, each file as listed."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from tflited.domain.manifest import Manifest
from tflited.domain.report import ArtifactFile, ReportDocument


class SetFile(Protocol):
    """One open file of a set."""

    @property
    def listed(self) -> ArtifactFile:
        """Its path, size and SHA-256 as the manifest has them."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Its bytes from the beginning; may be asked for again.

        The last part comes only when size and SHA-256 are those listed, so that no reader gets a
        whole file that is another one.

        Raises:
            OutputError: it is not what the manifest lists.
        """
        ...


class HeldSet(Protocol):
    """One generation of a set: swaps and withdrawals no longer matter to what is read from it."""

    @property
    def manifest(self) -> Manifest:
        """What the set is."""
        ...

    @property
    def listed(self) -> Sequence[ArtifactFile]:
        """Every file that may be read, sorted by path: those of the manifest, and itself."""
        ...

    def open(self, path: str) -> SetFile:
        """One of the files that are listed.

        Raises:
            OutputError: there is no such plain file.
        """
        ...

    def report(self) -> ReportDocument:
        """The report.

        Raises:
            OutputError: it cannot be read, or is of another version.
        """
        ...

    def close(self) -> None:
        """Lets the set and its files go; may be called again."""
        ...


class SetReader(Protocol):
    """The output tree as those see it who only read."""

    def hold(self, place: str) -> HeldSet | None:
        """Opens the set in a place now, without following a link of a stranger's.

        Args:
            place: relative to the output tree: ``ROOT/PATH``, or what a trigger's ``save_to`` said.

        Returns:
            The set, to be closed; None where there is none.

        Raises:
            OutputError: the operating system does not let it be read.
        """
        ...
