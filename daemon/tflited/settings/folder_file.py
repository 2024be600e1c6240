"""Owns reading folder policies: one ``.tflited.toml`` at a time, cached by file identity."""

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflited.domain.policy import FOLDER_POLICY_NAME
from tflited.errors import ConfigurationError
from tflited.settings.layers import Layer, anchor_data, escaping_globs, named_leaves
from tflited.settings.problems import parse_toml, unreadable, validate
from tflited.settings.schema import PolicyTable

LARGEST_FOLDER_FILE_BYTES: Final = 65_536
"""Whoever may drop a model may write such a file: parsing it must stay quick."""

_Identity = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    identity: _Identity
    outcome: Layer | ConfigurationError


class FolderFiles:
    """The folder policies below the roots, read again only when a file is another one.

    Args:
        roots: what data globs must stay inside.
        drafts: folder to the file that is read in the place of its own.
    """

    def __init__(self, roots: Iterable[Path], drafts: Mapping[Path, Path] | None = None) -> None:
        self._roots = tuple(roots)
        self._drafts = dict(drafts or {})
        self._readings: dict[Path, _Reading] = {}

    def layer(self, folder: Path) -> Layer | None:
        """What the folder's own policy file says; None without one.

        Raises:
            ConfigurationError: the file is wrong.
        """
        file = self._drafts.get(folder, folder / FOLDER_POLICY_NAME)
        try:
            identity = _identity(file.lstat())
        except (FileNotFoundError, NotADirectoryError):
            self._readings.pop(file, None)
            return None
        except OSError as error:
            raise _unreadable(file, os.strerror(error.errno or 0).lower()) from error
        reading = self._readings.get(file)
        if reading is None or reading.identity != identity:
            reading = _Reading(identity=identity, outcome=self._outcome(file, folder))
            self._readings[file] = reading
        if isinstance(reading.outcome, ConfigurationError):
            # A raised error collects a traceback: the cached one must not grow.
            raise ConfigurationError(reading.outcome.problems)
        return reading.outcome

    def _outcome(self, file: Path, folder: Path) -> Layer | ConfigurationError:
        try:
            return self._read(file, folder)
        except ConfigurationError as error:
            return error.with_traceback(None)

    def _read(self, file: Path, folder: Path) -> Layer:
        table = parse_toml(content_of(file), file=str(file))
        leaves = named_leaves(validate(PolicyTable, table, file=str(file)))
        if problems := escaping_globs(leaves, folder, self._roots, file=str(file)):
            raise ConfigurationError(problems)
        return Layer(origin=str(file), leaves=anchor_data(leaves, folder))


def _identity(status: os.stat_result) -> _Identity:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def content_of(file: Path) -> bytes:
    """Reads a regular file of sensible size; a pipe or a device in its place must not hang us.

    A link is refused: the errors about what it leads to would tell of files outside the roots.

    Raises:
        ConfigurationError: it cannot be read, or is something else or too large.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(file, flags)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _unreadable(file, "no regular file")
            content = stream.read(LARGEST_FOLDER_FILE_BYTES + 1)
    except OSError as error:
        is_link = error.errno == errno.ELOOP
        reason = "a symbolic link" if is_link else os.strerror(error.errno or 0).lower()
        raise _unreadable(file, reason) from error
    if len(content) > LARGEST_FOLDER_FILE_BYTES:
        raise _unreadable(file, f"more than {LARGEST_FOLDER_FILE_BYTES} bytes")
    return content


def _unreadable(file: Path, reason: str) -> ConfigurationError:
    return unreadable(file, reason, largest_bytes=LARGEST_FOLDER_FILE_BYTES)
