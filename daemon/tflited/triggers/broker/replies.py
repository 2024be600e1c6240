"""Results for reply channels: what is owed stands in a file until the broker has it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tflited import durable
from tflited.domain.control import Control
from tflited.domain.job import ACTIVE, Job, JobState
from tflited.domain.manifest import MANIFEST_NAME
from tflited.domain.trigger import TriggerReceipt
from tflited.triggers.broker.delivery import Reply

_SUFFIX: Final = ".owed.json"
_AT_A_TIME: Final = 200
_WITH_SET: Final = frozenset({JobState.PUBLISHED, JobState.UNCHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """The result of one trigger, owed to one channel."""

    trigger_id: str
    job_id: int
    channel: str
    correlation: str


class Replies:
    """Keeps what is owed; used by one thread at a time.

    Args:
        folder: one file for each result that is owed; exists.
        control: knows the jobs.
        directory_of: where the set of a published job is.
    """

    def __init__(self, folder: Path, control: Control, directory_of: Callable[[Job], Path]) -> None:
        self._folder = folder
        self._control = control
        self._directory_of = directory_of
        durable.sweep(folder)
        self._owed = dict(_read(folder))

    def owe(self, receipt: TriggerReceipt, channel: str, correlation: str) -> None:
        """Makes it durable that the end of an accepted trigger's job is to be told.

        Raises:
            StoragePausedError: there is no room.
        """
        if receipt.job_id is None:
            return
        owed = Owed(
            trigger_id=receipt.id,
            job_id=receipt.job_id,
            channel=channel,
            correlation=correlation,
        )
        content = json.dumps(asdict(owed), sort_keys=True).encode()
        name = hashlib.sha256(content).hexdigest()[:32] + _SUFFIX
        if name not in self._owed:
            durable.write(self._folder / name, content, mode=0o600)
            self._owed[name] = owed

    def due(self) -> list[tuple[str, Reply | None]]:
        """The results that can be told now; None for a job that the store forgot."""
        due: list[tuple[str, Reply | None]] = []
        for name in list(self._owed)[:_AT_A_TIME]:
            owed = self._owed[name] = self._owed.pop(name)  # the next look begins behind it
            job = self._control.job(owed.job_id)
            if job is None:
                due.append((name, None))
            elif job.state not in ACTIVE:
                body = result_of(owed.trigger_id, job, self._directory_of)
                due.append((name, Reply(owed.channel, owed.correlation, body)))
        return due

    def settle(self, name: str) -> None:
        """A result was told."""
        self._owed.pop(name, None)
        (self._folder / name).unlink(missing_ok=True)


def receipt_of(receipt: TriggerReceipt) -> bytes:
    """A receipt as the JSON of a reply."""
    told = {**asdict(receipt), "at": receipt.at.isoformat()}
    return _json({"version": 1, "event": "received", **told})


def result_of(trigger_id: str, job: Job, directory_of: Callable[[Job], Path]) -> bytes:
    """An ended job as the JSON of a reply."""
    failure = job.failure
    return _json(
        {
            "version": 1,
            "event": "ended",
            "id": trigger_id,
            "job_id": job.id,
            "model": str(job.model),
            "state": job.state.value,
            "manifest": str(directory_of(job) / MANIFEST_NAME) if job.state in _WITH_SET else None,
            "failure": failure
            and {"code": failure.code, "message": failure.message, "hint": failure.hint},
            "at": job.finished_at.isoformat() if job.finished_at else None,
        }
    )


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _read(folder: Path) -> list[tuple[str, Owed]]:
    found = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            found.append((path.name, Owed(**json.loads(path.read_bytes()))))
        except (ValueError, TypeError):  # not one of ours
            continue
    return found
