"""Hub references that came as triggers, kept as files of the daemon's own root."""

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from tflited import durable
from tflited.domain.hub import (
    HubReference,
    check_address,
    is_address,
    reference_name,
    reference_text,
)
from tflited.errors import HubError, Refusal, TriggerRefusedError


class ReferenceFolder:
    """Implements ``ReferenceKeeper`` over one folder.

    Args:
        folder: the daemon's own root; exists.
        hosts: which a handle may name, as in ``HubLimits``.
    """

    def __init__(self, folder: Path, hosts: Collection[str]) -> None:
        self._folder = folder
        self._hosts = hosts
        durable.sweep(folder)

    def place(self, reference: HubReference) -> Path:
        """Where a reference is or would be kept.

        Raises:
            TriggerRefusedError: its handle is not allowed.
        """
        _check(reference.handle, self._hosts)
        return self._folder / reference_name(reference)

    def keep(self, reference: HubReference) -> None:
        """Makes a reference durable as a ``NAME.hub.toml``; an equal one is left as it is.

        Raises:
            TriggerRefusedError: its handle is not allowed.
            StoragePausedError: there is no room.
        """
        path, content = self.place(reference), reference_text(reference).encode()
        if not path.is_file() or path.read_bytes() != content:
            durable.write(path, content)


def _check(handle: str, hosts: Collection[str]) -> None:
    if is_address(handle):
        try:
            check_address(handle, hosts)
        except HubError as error:
            raise TriggerRefusedError(
                f"model.hub: {error.message}", hint=error.hint, refusal=Refusal.HANDLE
            ) from error
        return
    path = PurePosixPath(handle)
    if not path.is_absolute() or ".." in path.parts or "\0" in handle:
        raise TriggerRefusedError(
            f"model.hub: observed {handle!r}, allowed an https address, or an absolute path without"
            ' ".." inside a root.',
            hint="name the module's whole path",
            refusal=Refusal.HANDLE,
        )
