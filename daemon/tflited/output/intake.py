"""Takes over what a child left behind: checks every claim, copies bytes, follows nothing.

The child ran a model, so its folder may hold links, pipes, holes or files it did not report.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from tflited import durable
from tflited.domain.report import ArtifactFile, VariantReport
from tflited.errors import OutputError

SET_NAME: Final = "set"
"""The folder below the scratch directory in which a child leaves its set."""

LARGEST_ARTIFACT_BYTES: Final = 16 * 2**30
"""A flatbuffer ends at 2 GiB; its C source has about six characters for each byte."""

SUFFIXES: Final = frozenset({".tflite", ".c", ".cc", ".cpp", ".h", ".S"})

_CHUNK_BYTES: Final = 2**20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking, so that a pipe in a file's place is refused instead of waited for.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_AS_SAID: Final = frozenset(
    {errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.ENXIO, errno.EACCES, errno.ENAMETOOLONG}
)


def take(
    variants: Sequence[VariantReport],
    scratch: Path,
    stage: Path,
    *,
    largest_bytes: int = LARGEST_ARTIFACT_BYTES,
) -> tuple[ArtifactFile, ...]:
    """Copies the files of the given variants into a stage and syncs them.

    Args:
        variants: those to publish; their files are relative to ``scratch/set``.
        scratch: the child's folder; no process writes it any more.
        stage: an empty directory.
        largest_bytes: a larger file is refused.

    Returns:
        The files, each proven to have the size and SHA-256 that the child said.

    Raises:
        OutputError: a file is missing, is not plain, or differs from what was said.
        OSError: the copy could not be written.
    """
    taken = tuple(file for entry in variants for file in _claims(entry, largest_bytes))
    if len({file.path for file in taken}) != len(taken):
        raise OutputError("The child reported a file twice.", hint=_REPORT_IT)
    for folder in sorted({PurePosixPath(file.path).parent for file in taken}):
        make_folder(stage / folder)
    for file in taken:
        with _source(scratch, file) as source, durable.new_file(stage / file.path) as copy:
            _copy(source, copy, file)
    for folder in sorted({PurePosixPath(file.path).parent for file in taken}):
        durable.sync_directory(stage / folder)
    return taken


def make_folder(path: Path) -> None:
    """Makes a directory that everybody may read, whatever the umask."""
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


_REPORT_IT: Final = "nothing was published; the model may be hostile, else report this as a bug"


def _claims(entry: VariantReport, largest_bytes: int) -> Iterator[ArtifactFile]:
    """The files of a variant, once their paths and sizes are acceptable.

    Raises:
        OutputError: a path is not ``VARIANT/NAME`` with a known ending, or a file is too large.
    """
    if not any(file.path.endswith(".tflite") for file in entry.files):
        raise OutputError(f"Variant {entry.variant} comes without a .tflite.", hint=_REPORT_IT)
    for file in entry.files:
        folder, _, name = file.path.partition("/")
        is_plain = "/" not in name and not name.startswith(".") and name.isprintable()
        if folder != entry.variant.value or not is_plain or Path(name).suffix not in SUFFIXES:
            raise OutputError(
                f"The child reported the file {file.path!r} of variant {entry.variant}: allowed"
                f" are {entry.variant}/NAME with one of {', '.join(sorted(SUFFIXES))}.",
                hint=_REPORT_IT,
            )
        if not 0 <= file.size_bytes <= largest_bytes:
            raise OutputError(
                f"The child's file {file.path} is too large: observed {file.size_bytes} bytes,"
                f" allowed {largest_bytes}."
            )
        yield file


@contextmanager
def _source(scratch: Path, file: ArtifactFile) -> Iterator[BinaryIO]:
    """Opens a file of the child's, component by component, following no link.

    Raises:
        OutputError: it is missing, no plain file with one name, or of another size.
    """
    with ExitStack() as stack:

        def opened(name: str | Path, flags: int, folder: int | None = None) -> int:
            descriptor = os.open(name, flags, dir_fd=folder)
            stack.callback(os.close, descriptor)
            return descriptor

        try:
            folder = opened(scratch, _FOLDER)
            *folders, name = (SET_NAME, *file.path.split("/"))
            for part in folders:
                folder = opened(part, _FOLDER, folder)
            descriptor = opened(name, _FILE, folder)
        except OSError as error:
            if error.errno not in _NOT_AS_SAID:
                raise
            raise OutputError(
                f"The child's file {file.path} cannot be taken over: {error.strerror}.",
                hint=_REPORT_IT,
            ) from error
        _check_status(os.fstat(descriptor), file)
        yield stack.enter_context(os.fdopen(descriptor, "rb", closefd=False))


def _check_status(status: os.stat_result, file: ArtifactFile) -> None:
    """Refuses what is no plain file with one name and the size that was said.

    Raises:
        OutputError: it is not.
    """
    if not stat.S_ISREG(status.st_mode):
        observed = f"mode {status.st_mode:o}", "a regular file"
    elif status.st_nlink != 1:
        observed = f"{status.st_nlink} names", "one"
    elif status.st_size != file.size_bytes:
        observed = f"{status.st_size} bytes", f"{file.size_bytes} as reported"
    else:
        return
    raise OutputError(
        f"The child's file {file.path} cannot be taken over: observed {observed[0]},"
        f" allowed {observed[1]}.",
        hint=_REPORT_IT,
    )


def _copy(source: BinaryIO, copy: BinaryIO, file: ArtifactFile) -> None:
    """Copies and hashes in one pass, so that what was hashed is what is published.

    Raises:
        OutputError: the bytes are not those the child hashed.
    """
    digest = hashlib.sha256()
    left = file.size_bytes
    while chunk := source.read(min(_CHUNK_BYTES, left)):
        digest.update(chunk)
        copy.write(chunk)
        left -= len(chunk)
    if left or digest.hexdigest() != file.sha256:
        raise OutputError(
            f"The child's file {file.path} is not what it reported: observed SHA-256"
            f" {digest.hexdigest()}, allowed {file.sha256}.",
            hint=_REPORT_IT,
        )
