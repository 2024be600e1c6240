"""The spool folder, in the manner of a maildir: ``tmp``, ``new``, ``done`` and ``rejected``.

A producer writes below ``tmp/``, syncs and renames into ``new/``. A document leaves ``new/`` only
after its job is durable, so a crash in between shows it again; the trigger's id, by default the
file's name and content, makes that harmless. Its receipt stands beside it.
"""

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import structlog

from tflited import durable
from tflited.domain.control import Control
from tflited.domain.job import TriggerSource
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import OverCapacityError, StoragePausedError, TflitedError
from tflited.triggers.document import MAX_DOCUMENT_BYTES
from tflited.triggers.identity import with_id

_LOG = structlog.get_logger()
_FOLDERS: Final = ("tmp", "new", "done", "rejected")
_POLL_SECONDS: Final = 0.5
_RECEIPT: Final = ".receipt.json"
_LONGEST_NAME_BYTES: Final = 255
"""NAME_MAX of every Linux file system in use (limits.h)."""


@dataclass(frozen=True, slots=True)
class _Unfiled:
    """A document that was answered and could not be put away."""

    identity: tuple[int, ...]
    receipt: dict[str, Any]


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
        self._unfiled: dict[str, _Unfiled] = {}
        self._trouble = ""

    def start(self) -> None:
        """Makes the folders and starts looking."""
        for name in _FOLDERS:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("done", "rejected"):  # nobody else writes there
            durable.sweep(self._folder / name)
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends the thread; documents that are left wait for the next start."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)

    def take(self) -> int:
        """Handles every document in ``new/``; returns how many.

        Raises:
            OverCapacityError: the queue is full; this document and those after it stay.
        """
        names = sorted(path.name for path in (self._folder / "new").iterdir())
        for gone in self._unfiled.keys() - set(names):
            del self._unfiled[gone]
        for name in names:
            self._handle(name)
        return len(names)

    def _run(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            trouble = ""
            try:
                self.take()
            except OverCapacityError as error:  # what is left in new/ is taken with a later look
                trouble = str(error)
                if trouble != self._trouble:
                    _LOG.warning("spool_waits", folder=str(self._folder), reason=trouble)
            except (OSError, TflitedError) as error:
                trouble = str(error)
                if trouble != self._trouble:  # it is met again with every look
                    _LOG.error("spool_failed", folder=str(self._folder), reason=trouble)
            self._trouble = trouble

    def _handle(self, name: str) -> None:
        """Answers a document once, and files it as soon as that is possible."""
        path = self._folder / "new" / name
        identity = _identity(path)
        known = self._unfiled.get(name)
        is_known = known is not None and known.identity == identity
        receipt = known.receipt if known is not None and is_known else self._answer(path)
        try:
            self._file(path, {**receipt, "document": name})
        except (OSError, StoragePausedError) as error:  # it must not block those after it
            if not is_known:
                _LOG.error("document_not_filed", document=name, reason=str(error))
                self._unfiled[name] = _Unfiled(identity, receipt)
        else:
            self._unfiled.pop(name, None)

    def _answer(self, path: Path) -> dict[str, Any]:
        name, content = path.name, _read(path)
        if content is None:
            reason = f"{path}: not a regular file of at most {MAX_DOCUMENT_BYTES} bytes."
            return {"is_accepted": False, "reason": reason}
        receipt = self._control.submit(_with_id(name, content), TriggerSource.SPOOL)
        _LOG.info(
            "trigger_received",
            document=name,
            is_accepted=receipt.is_accepted,
            job_id=receipt.job_id,
            reason=receipt.reason,
        )
        return _plain(receipt)

    def _file(self, path: Path, receipt: dict[str, Any]) -> None:
        """Puts a document and its receipt where they stay; the receipt first."""
        folder = self._folder / ("done" if receipt["is_accepted"] else "rejected")
        text = json.dumps(receipt, indent=2, sort_keys=True) + "\n"
        durable.write(folder / receipt_name(path.name), text.encode())
        path.rename(folder / path.name)
        durable.sync_directory(folder)
        durable.sync_directory(path.parent)


def receipt_name(name: str) -> str:
    """The name of a document's receipt; one that would be too long is cut and told by a hash."""
    raw = os.fsencode(name)
    if len(raw) + len(_RECEIPT) <= _LONGEST_NAME_BYTES:
        return f"{name}{_RECEIPT}"
    end = f"-{hashlib.sha256(raw).hexdigest()[:16]}{_RECEIPT}"
    # A character that the cut goes through is left out, so that the name stays text.
    kept = raw[: _LONGEST_NAME_BYTES - len(end)].decode("utf-8", "ignore")
    return f"{kept}{end}"


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


def _identity(path: Path) -> tuple[int, ...]:
    """What tells that a document is still the same; of nothing where it is gone."""
    try:
        status = path.lstat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


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
    raw = name.encode("utf-8", "surrogateescape") + b"\0" + content
    return with_id(content, lambda: f"spool-{hashlib.sha256(raw).hexdigest()[:32]}")


def _plain(receipt: TriggerReceipt) -> dict[str, Any]:
    return {**asdict(receipt), "at": receipt.at.isoformat()}
