"""Keeps the records of attempts as files of one folder: bounded in count, bytes and age.

They are for people and decide nothing: one that cannot be kept is told and given up, one that
cannot be read is passed over.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Final

import structlog
from pydantic import TypeAdapter

from tflited import durable
from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.ports import Clock
from tflited.errors import StorageFailedError, TflitedError

OLDEST: Final = timedelta(days=30)
_NAME: Final = re.compile(r"^(\d{1,18})-(\d{1,9})\.json$")
_RECORD: Final = TypeAdapter(AttemptRecord)

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is kept at most; the oldest go first.

    Attributes:
        records: how many.
        bytes: of all together.
        age: of each.
    """

    records: int = 5000
    bytes: int = 128 * 2**20
    age: timedelta = OLDEST


@dataclass(frozen=True, slots=True)
class _Kept:
    """One file: when it was written, in seconds since the epoch, and its size."""

    written_at: float
    size_bytes: int


class AttemptFolder:
    """Implements ``AttemptRecords`` for any thread.

    Args:
        folder: made when missing; nobody else writes there.
        clock: by which records grow old.
        bounds: how much is kept.
    """

    def __init__(self, folder: Path, clock: Clock, bounds: Bounds | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._kept: dict[tuple[int, int], _Kept] | None = None
        self._lock = Lock()

    def sweep(self) -> None:
        """At start: removes what an interrupted write left behind."""
        with self._lock, suppress(OSError):  # told by the first record that cannot be kept
            self._known()

    def keep(self, record: AttemptRecord) -> None:
        """Keeps a record, in place of those of the job's attempts that were not before it.

        Raises:
            StorageFailedError: an fsync failed.
        """
        # Through plain JSON: pydantic's own writer refuses names that are no UTF-8.
        content = json.dumps(_RECORD.dump_python(record, mode="json")).encode("ascii")
        key = (record.job_id, record.attempt)
        with self._lock:
            try:
                kept = self._known()
                for other in [each for each in kept if each[0] == key[0] and each >= key]:
                    self._drop(kept, other)
                durable.write(self._path(key), content, mode=0o640)
                kept[key] = _Kept(self._clock.now().timestamp(), len(content))
                self._prune(kept)
            except StorageFailedError:  # what is on disk is unknown: nobody goes on over that
                raise
            except (TflitedError, OSError) as error:
                _LOG.warning(
                    "attempt_record_lost",
                    job_id=record.job_id,
                    model=str(record.model),
                    policy=record.policy,
                    attempt=record.attempt,
                    reason=str(error),
                )

    def of_job(self, job_id: int) -> Sequence[AttemptRecord]:
        """The records of a job's attempts, the first one first."""
        with self._lock:
            keys = sorted(key for key in self._known() if key[0] == job_id)
        return [record for key in keys if (record := self._read(key)) is not None]

    def _known(self) -> dict[tuple[int, int], _Kept]:
        """What is kept, by job and attempt; looked up once."""
        if self._kept is None:
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            durable.sweep(self._folder)
            self._kept = {}
            for path in self._folder.iterdir():
                if (match := _NAME.match(path.name)) is not None:
                    status = path.stat()
                    key = (int(match[1]), int(match[2]))
                    self._kept[key] = _Kept(status.st_mtime, status.st_size)
        return self._kept

    def _prune(self, kept: dict[tuple[int, int], _Kept]) -> None:
        oldest = self._clock.now().timestamp() - self._bounds.age.total_seconds()
        total = sum(each.size_bytes for each in kept.values())
        for key in sorted(kept, key=lambda key: kept[key].written_at):
            entry = kept[key]
            is_much = len(kept) > self._bounds.records or total > self._bounds.bytes
            if not is_much and entry.written_at >= oldest:
                break
            total -= entry.size_bytes
            self._drop(kept, key)

    def _drop(self, kept: dict[tuple[int, int], _Kept], key: tuple[int, int]) -> None:
        self._path(key).unlink(missing_ok=True)
        del kept[key]

    def _read(self, key: tuple[int, int]) -> AttemptRecord | None:
        try:
            return _RECORD.validate_python(json.loads(self._path(key).read_bytes()))
        except (OSError, ValueError):  # gone meanwhile, or of another release
            return None

    def _path(self, key: tuple[int, int]) -> Path:
        job_id, attempt = key
        return self._folder / f"{job_id}-{attempt}.json"
