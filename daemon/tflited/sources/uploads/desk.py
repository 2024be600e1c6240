"""Receives uploads out of sight in the root's file system, and lets each land as a whole."""

import os
import shutil
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from tflited import durable
from tflited.domain.access import UploadRules
from tflited.errors import UploadRefusedError
from tflited.sources.uploads.content import checked_parts, is_archive, model_in, stem_of
from tflited.sources.uploads.unpacking import unpacked

_STAGE: Final = ".tflited-upload-"
"""Begins the name of a folder that a scan never looks into, being hidden."""
_LOOK_BYTES: Final = 16 * 2**20
"""How often the room is looked at while an upload comes."""


class Uploads:
    """Implements ``UploadDesk`` over one root.

    Args:
        rules: of the configuration.
        root: the root's directory.
    """

    def __init__(self, rules: UploadRules, root: Path) -> None:
        self.rules = rules
        self.folder = root / rules.folder if rules.folder else root
        self._lock = threading.Lock()

    def receive(self) -> "ReceivedUpload":
        """Begins an upload.

        Raises:
            UploadRefusedError: there is no room.
            StoragePausedError: the file system is full or read-only.
        """
        try:
            with durable.storage_errors(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                check_room(self.folder, self.rules)
                stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=self.folder))
                return ReceivedUpload(self, stage)
        except OSError as error:
            raise UploadRefusedError(
                f"{self.folder} cannot be written: {error.strerror}.",
                hint="let the service's user write there; tflited doctor looks at it",
                kind="not_writable",
            ) from error

    def sweep(self) -> None:
        """At start: removes what a process that is gone had begun to receive."""
        for left in self.folder.glob(f"{_STAGE}*"):
            shutil.rmtree(left, ignore_errors=True)

    def place(self, model: Path, name: str, stage: Path, *, replace: bool) -> str:
        """Gives a whole and synced model its name.

        Raises:
            UploadRefusedError: the place is taken.
        """
        target = self.folder / name
        with self._lock, durable.storage_errors(target):
            if os.path.lexists(target):
                if not replace:
                    raise UploadRefusedError(
                        f"{self._shown(name)}: observed something there, allowed a free place.",
                        hint="upload under another name, or ask to replace it",
                        kind="upload_exists",
                    )
                if target.is_dir() or model.is_dir():  # a rename puts only a file over a file
                    durable.move(target, stage / "replaced")
            durable.move(model, target)
        return self._shown(name)

    def _shown(self, name: str) -> str:
        return "/".join(filter(None, (self.rules.root, self.rules.folder, name)))


class ReceivedUpload:
    """Implements ``Landing`` in a hidden folder beside the place where the upload will be.

    Args:
        desk: says what is allowed.
        stage: the folder.
    """

    def __init__(self, desk: Uploads, stage: Path) -> None:
        self._desk = desk
        self._stage = stage
        self._files = stage / "files"
        self._files.mkdir()
        self._names: set[tuple[str, ...]] = set()
        self._count = 0
        self._looked_at = 0
        self._open = ExitStack()
        self._stream: BinaryIO | None = None

    def begin_file(self, name: str) -> None:
        """Begins a file.

        Raises:
            UploadRefusedError: no model has a file of that name, or there are too many.
        """
        parts = checked_parts(name)
        self._end_file()
        if parts in self._names:
            raise UploadRefusedError(f"{name!r}: observed twice, allowed once in an upload.")
        self._names |= {parts[:end] for end in range(1, len(parts) + 1)}
        if len(self._names) > self._desk.rules.most_files:
            raise UploadRefusedError(
                f"Files and folders: observed more than {self._desk.rules.most_files}, allowed"
                " that many.",
                hint="raise [http.uploads] most_files",
                kind="upload_too_large",
            )
        path = self._files.joinpath(*parts)
        try:
            with durable.storage_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._open.enter_context(durable.new_file(path))
        except (FileExistsError, NotADirectoryError) as error:
            message = f"{name!r}: observed a file in the place of a folder."
            raise UploadRefusedError(message) from error

    def write(self, content: bytes) -> None:
        """Adds to the file that was begun last.

        Raises:
            UploadRefusedError: it is larger than allowed, or there is no room.
            StoragePausedError: the file system is full or read-only.
        """
        self._count += len(content)
        if self._count > self._desk.rules.largest_bytes:
            raise UploadRefusedError(
                f"Upload: observed more than {self._desk.rules.largest_bytes} bytes, allowed that"
                " many.",
                hint="raise [http.uploads] largest_bytes, or copy the model into the root",
                kind="upload_too_large",
            )
        if self._stream is None:
            raise UploadRefusedError("Upload: observed content without a name.")
        if self._count - self._looked_at >= _LOOK_BYTES:
            self._looked_at = self._count
            check_room(self._desk.folder, self._desk.rules)
        with durable.storage_errors(self._files):
            self._stream.write(content)

    def land(self, *, replace: bool) -> str:
        """Gives the model its name in the root.

        Raises:
            UploadRefusedError: it is no model, its archive is refused, or its place is taken.
            StoragePausedError: the file system is full or read-only.
        """
        self._end_file()
        files = [path for path in self._files.rglob("*") if path.is_file()]
        content, stem = self._files, ""
        if len(files) == 1 and is_archive(files[0].name):
            stem = stem_of(files[0].name)
            content = unpacked(files[0], self._stage / "unpacked", self._desk.rules)
            check_room(self._desk.folder, self._desk.rules)
        model, name = model_in(content, stem)
        with durable.storage_errors(model):
            _sync(model)
        return self._desk.place(model, name, self._stage, replace=replace)

    def close(self) -> None:
        """Removes what has not landed; may be called again."""
        try:
            self._end_file()
        finally:
            shutil.rmtree(self._stage, ignore_errors=True)

    def _end_file(self) -> None:
        self._stream = None
        with durable.storage_errors(self._files):
            self._open.close()


def check_room(folder: Path, rules: UploadRules) -> None:
    """Refuses to go on where an upload would not leave the room that it must.

    Raises:
        UploadRefusedError: it would not.
    """
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < rules.free_bytes:
        raise UploadRefusedError(
            f"{folder}: observed {free} free bytes, allowed at least {rules.free_bytes}.",
            hint="free space there, or lower [http.uploads] free_bytes",
            kind="no_room",
        )


def _sync(model: Path) -> None:
    """Makes the folders of a model durable; its files are already."""
    for path in model.rglob("*"):
        if path.is_dir():
            durable.sync_directory(path)
    if model.is_dir():
        model.chmod(0o755)
        durable.sync_directory(model)
