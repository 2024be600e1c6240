"""The spool folder, in the manner of a maildir: ``tmp``, ``new``, ``done`` and ``rejected``.

A producer writes below ``tmp/``, syncs and renames into ``new/``. A document leaves ``new/`` only
after its job is durable, so a crash in between shows it again; the trigger's id, by default the
file's name and content, makes that harmless. Its receipt stands beside it.
"""

import hashlib
import json
import os
import stat
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import structlog

from tflited import durable
from tflited.domain.control import Control
from tflited.domain.job import TriggerSource
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import TflitedError
from tflited.triggers.document import MAX_DOCUMENT_BYTES

_LOG = structlog.get_logger()
_FOLDERS: Final = ("tmp", "new", "done", "rejected")
_POLL_SECONDS: Final = 0.5


class Spool:
    """Watches one spool folder by listing it; runs in a thread named ``spool``.

    Args:
        folder: the spool; its four folders are made when missing.
        control: where triggers go.
    """

    def __init__(self, folder: Path, control: Control) -> None:
        self._folder = folder
        self._control = control
        self._stop = Event()
        self._thread = Thread(target=self._run, name="spool")

    def start(self) -> None:
        """Makes the folders and starts looking."""
        for name in _FOLDERS:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends the thread; documents that are left wait for the next start."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)

    def take(self) -> int:
        """Handles every document in ``new/``; returns how many."""
        names = sorted(path.name for path in (self._folder / "new").iterdir())
        for name in names:
            try:
                self._handle(name)
            except OSError as error:  # one that cannot be filed must not block those after it
                _LOG.error("spool_failed", document=name, reason=str(error))
        return len(names)

    def _run(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            try:
                self.take()
            except (OSError, TflitedError) as error:
                _LOG.error("spool_failed", folder=str(self._folder), reason=str(error))

    def _handle(self, name: str) -> None:
        path = self._folder / "new" / name
        content = _read(path)
        if content is None:
            reason = f"{path}: not a regular file of at most {MAX_DOCUMENT_BYTES} bytes."
            self._file(path, {"is_accepted": False, "reason": reason})
            return
        receipt = self._control.submit(_with_id(name, content), TriggerSource.SPOOL)
        _LOG.info(
            "trigger_received",
            document=name,
            is_accepted=receipt.is_accepted,
            job_id=receipt.job_id,
            reason=receipt.reason,
        )
        self._file(path, _plain(receipt))

    def _file(self, path: Path, receipt: dict[str, Any]) -> None:
        """Puts a document and its receipt where they stay; the receipt first."""
        folder = self._folder / ("done" if receipt["is_accepted"] else "rejected")
        text = json.dumps(receipt, indent=2, sort_keys=True) + "\n"
        durable.write(folder / f"{path.name}.receipt.json", text.encode())
        path.rename(folder / path.name)
        durable.sync_directory(folder)
        durable.sync_directory(path.parent)


def drop(folder: Path, name: str, document: bytes) -> Path:
    """Puts a document into a spool as a producer does.

    Args:
        folder: the spool.
        name: file name, unique among producers.
        document: the trigger document.

    Returns:
        The document's path in ``new/``.
    """
    for needed in _FOLDERS:
        (folder / needed).mkdir(parents=True, exist_ok=True)
    temporary, path = folder / "tmp" / name, folder / "new" / name
    durable.write_new(temporary, document)
    temporary.rename(path)
    durable.sync_directory(path.parent)
    return path


def _read(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MAX_DOCUMENT_BYTES + 1)
    return content if len(content) <= MAX_DOCUMENT_BYTES else None


def _with_id(name: str, content: bytes) -> bytes:
    """The document with an id of its own name and content where it brings none."""
    try:
        document = json.loads(content)
    except ValueError:
        return content
    if not isinstance(document, dict) or document.get("id"):
        return content
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape") + b"\0" + content).hexdigest()
    document["id"] = f"spool-{digest[:32]}"
    return json.dumps(document).encode()


def _plain(receipt: TriggerReceipt) -> dict[str, Any]:
    return {**asdict(receipt), "at": receipt.at.isoformat()}
