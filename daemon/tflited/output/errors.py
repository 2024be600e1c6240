"""What the operating system's errors on the output tree mean, in the words of the error tree."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tflited import durable
from tflited.errors import OutputError
from tflited.output import rename

NO_SWAP: Final = (
    "its file system can neither exchange directories (renameat2 with RENAME_EXCHANGE) nor replace"
    " a symbolic link."
)


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turns every error of the operating system into one that the engine knows.

    Args:
        path: what is published or withdrawn, for the message.

    Raises:
        StoragePausedError: no space, over quota, or read-only file system.
        StorageFailedError: an input/output error.
        OutputError: anything else.
    """
    try:
        with durable.storage_errors(path):
            yield
    except OSError as error:
        if error.errno in rename.UNSUPPORTED:
            raise OutputError(
                f"{path}: {NO_SWAP}", hint="put the output tree on a local file system"
            ) from error
        if error.errno == errno.EXDEV:
            raise OutputError(
                f"{path} lies on another file system than the output tree around it.",
                hint="mount the whole output tree, not a folder inside it",
            ) from error
        raise OutputError(
            f"{path} cannot be written: {error.strerror}.",
            hint="every folder of the output tree must belong to the user the daemon runs as",
        ) from error
