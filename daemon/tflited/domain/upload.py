"""Uploads as a door sees them: what one is made of, and the port through which it lands."""

from typing import Protocol

from tflited.domain.access import UploadRules


class Landing(Protocol):
    """One upload on its way: nothing of it is seen by anybody until it lands as a whole."""

    def begin_file(self, name: str) -> None:
        """Begins a file; what is written next is its content.

        Args:
            name: with ``/`` between folders, where a folder is uploaded.

        Raises:
            UploadRefusedError: no model has a file of that name, or there are too many.
        """
        ...

    def write(self, content: bytes) -> None:
        """Adds to the file that was begun last.

        Raises:
            UploadRefusedError: it is larger than allowed, or there is no room.
            StoragePausedError: the file system is full or read-only.
        """
        ...

    def land(self, *, replace: bool) -> str:
        """Gives the model its name in the root, once all of it is durable.

        Args:
            replace: whether it may take the place of one that is there.

        Returns:
            ``ROOT/PATH`` of the model.

        Raises:
            UploadRefusedError: it is no model, its archive is refused, or its place is taken.
            StoragePausedError: the file system is full or read-only.
        """
        ...

    def close(self) -> None:
        """Removes what has not landed; may be called again."""
        ...


class UploadDesk(Protocol):
    """Takes uploads; for any thread."""

    @property
    def rules(self) -> UploadRules:
        """Where they land, and how much they may be."""
        ...

    def receive(self) -> Landing:
        """Begins an upload, to be closed.

        Raises:
            UploadRefusedError: there is no room.
            StoragePausedError: the file system is full or read-only.
        """
        ...
