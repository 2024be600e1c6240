"""How the domain's values stand in rows: columns to dataclasses and back."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from tflited.domain.job import Binding, Failure, Job, JobState, NewJob, TriggerSource
from tflited.domain.manifest import Build, Manifest, ManifestVariant
from tflited.domain.model import Digest, ModelId, ModelKind
from tflited.domain.report import VariantState
from tflited.domain.sandbox import SandboxDemand
from tflited.errors import StoreCorruptError
from tflited.store.database import Value


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC with a fixed width, so that text order is time order.

    Args:
        moment: an aware time.

    Raises:
        ValueError: the time is naive.
    """
    if moment.tzinfo is None:
        raise ValueError(f"A time without a zone cannot be stored: {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def columns_of(job: NewJob) -> Mapping[str, Value]:
    """Parameters of ``insert_job`` that come from the job itself."""
    return {
        **binding_columns(job),
        "root": job.model.root,
        "path": job.model.path,
        "trigger_source": job.trigger.value,
        "trigger_id": job.trigger_id,
        "priority": job.priority,
        "is_forced": int(job.is_forced),
        "save_to": job.save_to,
        "waits_for": job.waits_for or None,
    }


def binding_columns(binding: Binding) -> Mapping[str, Value]:
    """What a job builds, as parameters."""
    return {
        "kind": binding.kind.value,
        "build_key": binding.build_key,
        "input_key": binding.input_key,
        "model_digest": binding.model_digest,
        "policy_json": binding.policy_json,
        "folder_key": binding.folder_key,
        "sandbox": binding.sandbox.value,
        "policy_name": binding.policy_name,
    }


def failure_columns(failure: Failure | None) -> Mapping[str, Value]:
    """A failure, or its absence, as parameters."""
    return {
        "failure_code": failure.code if failure else None,
        "failure_message": failure.message if failure else None,
        "failure_hint": failure.hint if failure else None,
        "failure_is_retryable": int(failure.is_retryable) if failure else None,
    }


def build_columns(manifest: Manifest) -> Mapping[str, Value]:
    """Parameters of ``insert_build`` that come from the manifest."""
    return {
        "root": manifest.root,
        "path": manifest.path,
        "build_key": manifest.build_key,
        "input_key": manifest.input_key,
        "toolchain_json": json.dumps(dict(manifest.toolchain), sort_keys=True),
        "variants_json": json.dumps([asdict(variant) for variant in manifest.variants]),
    }


def job_of(row: sqlite3.Row) -> Job:
    """A row of ``jobs``.

    Raises:
        StoreCorruptError: no store writes such a row.
    """
    with _decoding(row, "job"):
        return _job_of(row)


def check_policy(job: Job) -> None:
    """Looks whether a job's policy is JSON, which a flipped bit seldom leaves it.

    Raises:
        StoreCorruptError: it is not.
    """
    try:
        json.loads(job.policy_json)
    except ValueError as error:
        raise _damaged(f"the policy of job {job.id}", error) from error


def _job_of(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        state=JobState(row["state"]),
        model=ModelId(root=row["root"], path=row["path"]),
        kind=ModelKind(row["kind"]),
        build_key=Digest(row["build_key"]),
        input_key=Digest(row["input_key"]),
        model_digest=Digest(row["model_digest"]),
        policy_json=row["policy_json"],
        trigger=TriggerSource(row["trigger_source"]),
        trigger_id=row["trigger_id"],
        priority=row["priority"],
        is_forced=bool(row["is_forced"]),
        save_to=row["save_to"],
        folder_key=row["folder_key"],
        sandbox=SandboxDemand(row["sandbox"]),
        policy_name=row["policy_name"],
        waits_for=row["waits_for"] or "",
        attempts=row["attempts"],
        deaths=row["deaths"],
        not_before=moment_of(row["not_before"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        started_at=moment_of(row["started_at"]),
        finished_at=moment_of(row["finished_at"]),
        failure=_failure_of(row),
    )


def build_of(row: sqlite3.Row) -> Build:
    """A row of ``builds``.

    Raises:
        StoreCorruptError: no store writes such a row.
    """
    with _decoding(row, "build"):
        return _build_of(row)


def _build_of(row: sqlite3.Row) -> Build:
    return Build(
        id=row["id"],
        job_id=row["job_id"],
        model=ModelId(root=row["root"], path=row["path"]),
        build_key=Digest(row["build_key"]),
        input_key=Digest(row["input_key"]),
        published_at=datetime.fromisoformat(row["published_at"]),
        toolchain=json.loads(row["toolchain_json"]),
        variants=tuple(
            ManifestVariant(**{**entry, "state": VariantState(entry["state"])})
            for entry in json.loads(row["variants_json"])
        ),
    )


def moment_of(text: str | None) -> datetime | None:
    """The time that a column holds; None for NULL."""
    return None if text is None else datetime.fromisoformat(text)


def _failure_of(row: sqlite3.Row) -> Failure | None:
    """The failure of a row of ``jobs``; None without one."""
    if row["failure_code"] is None:
        return None
    return Failure(
        code=row["failure_code"],
        message=row["failure_message"],
        hint=row["failure_hint"],
        is_retryable=bool(row["failure_is_retryable"]),
    )


@contextmanager
def _decoding(row: sqlite3.Row, name: str) -> Iterator[None]:
    """SQLite cannot tell a flipped bit inside a value; what the value means can."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(f"{name} {row['id']}", error) from error


def _damaged(what: str, error: Exception) -> StoreCorruptError:
    return StoreCorruptError(
        f"The job store is corrupt: {what} cannot be read: {error}.",
        hint="start the daemon again: it sets the file aside and saves what can be read",
    )
