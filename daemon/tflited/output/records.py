"""The two records of a set, ``manifest.json`` and ``report.json``: made, encoded, read back."""

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from tflited.domain.job import Job
from tflited.domain.manifest import (
    MANIFEST_NAME,
    MANIFEST_VERSION,
    REPORT_NAME,
    Manifest,
    ManifestVariant,
)
from tflited.domain.policy import Policy
from tflited.domain.ports import PublishKey
from tflited.domain.profile import Latency
from tflited.domain.report import (
    REPORT_VERSION,
    ArtifactFile,
    BuildReport,
    ReportDocument,
    VariantReport,
)
from tflited.domain.verdict import Verdict
from tflited.errors import OutputError

MANIFEST: Final = TypeAdapter(Manifest)
REPORT: Final = TypeAdapter(ReportDocument)

_TIMES: Final[Any] = {
    "variants": {"__all__": {"seconds", "latency"}},
    "auto": {"rows": {"__all__": {"latency_ms"}}},
}
"""What is measured anew each time, and so stands in the manifest."""

LARGEST_RECORD_BYTES: Final = 16 * 2**20


def report_of(
    job: Job, policy: Policy, key: PublishKey, report: BuildReport, verdict: Verdict
) -> bytes:
    """The bytes of ``report.json``; equal for equal build keys, hence without times.

    Raises:
        OutputError: a figure is not finite or a text is not Unicode.
    """
    document = ReportDocument(
        version=REPORT_VERSION,
        root=job.model.root,
        path=job.model.path,
        kind=job.kind,
        build_key=key.build_key,
        policy=policy.conversion_keys(),
        toolchain=key.toolchain,
        source=report.source,
        variants=verdict.variants,
        auto=report.auto,
    )
    plain = REPORT.dump_python(document, mode="json", exclude=_TIMES)
    return _encoded(plain, "report", job)


def manifest_of(
    job: Job,
    policy: Policy,
    key: PublishKey,
    report: BuildReport,
    verdict: Verdict,
    files: Sequence[ArtifactFile],
) -> Manifest:
    """The manifest of a set.

    Args:
        job: the job that publishes.
        policy: it was built under.
        key: digests and versions.
        report: what the child found out.
        verdict: what the policy makes of it.
        files: every other file of the set.
    """
    return Manifest(
        version=MANIFEST_VERSION,
        root=job.model.root,
        path=job.model.path,
        kind=job.kind,
        job=job.id,
        build_key=key.build_key,
        input_key=key.input_key,
        model_digest=key.model,
        policy_digest=key.policy,
        data_digest=key.data,
        toolchain=dict(sorted(key.toolchain.items())),
        files=tuple(sorted(files, key=lambda file: file.path)),
        variants=tuple(_variant_of(entry) for entry in verdict.variants),
        save_to=job.save_to,
        folder_key=job.folder_key or None,
        on_source_removed=policy.output.on_source_removed,
        stage_seconds=dict(report.stage_seconds),
        auto_latency_ms=_auto_latencies(report),
        sandbox=report.sandbox,
    )


def manifest_bytes(manifest: Manifest, job: Job) -> bytes:
    """The bytes of ``manifest.json``.

    Raises:
        OutputError: a figure is not finite or a text is not Unicode.
    """
    return _encoded(MANIFEST.dump_python(manifest, mode="json"), "manifest", job)


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest inside a directory; None without one that can be read and is of this version."""
    try:
        return decoded_manifest(content(directory / MANIFEST_NAME))
    except (OSError, ValueError):
        return None


def manifest_in(directory: int) -> Manifest:
    """The manifest inside an open directory.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is none of this version.
    """
    return decoded_manifest(content(Path(MANIFEST_NAME), directory))


def decoded_manifest(encoded: bytes) -> Manifest:
    """A manifest's bytes read.

    Raises:
        ValueError: they are none of this version.
    """
    manifest = MANIFEST.validate_json(encoded)
    if manifest.version != MANIFEST_VERSION:
        raise ValueError(f"version {manifest.version}")
    return manifest


def decoded_report(encoded: bytes) -> ReportDocument:
    """A report's bytes read.

    Raises:
        ValueError: they are none of this version.
    """
    document = REPORT.validate_json(encoded)
    if document.version != REPORT_VERSION:
        raise ValueError(f"version {document.version}")
    return document


def read_report(directory: Path) -> tuple[ReportDocument, Manifest | None]:
    """The report inside a directory and, where it can be read, the manifest of the same set.

    The directory is opened once, so that both belong to one publication.

    Raises:
        OutputError: there is no report that can be read and is of this version.
    """
    place = directory / REPORT_NAME
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            document = REPORT.validate_json(content(Path(REPORT_NAME), opened))
            manifest = _manifest_or_none(opened)
        finally:
            os.close(opened)
    except OSError as error:
        raise OutputError(
            f"{place} cannot be read: {error.strerror}.", hint="name a published set"
        ) from error
    except ValueError as error:
        first = str(error).partition("\n")[0]
        raise OutputError(
            f"{place} is no report of version {REPORT_VERSION}: {first}.",
            hint="build the model again with tflited trigger --force",
        ) from error
    if document.version != REPORT_VERSION:
        raise OutputError(
            f"{place} is of version {document.version}; this tflited reads {REPORT_VERSION}.",
            hint="build the model again with tflited trigger --force",
        )
    return document, manifest


def sha256(content: bytes) -> str:
    """SHA-256 in lower-case hexadecimal, as a manifest lists it."""
    return hashlib.sha256(content).hexdigest()


def _variant_of(entry: VariantReport) -> ManifestVariant:
    """The manifest's line on a variant."""
    tflite = next((file for file in entry.files if file.path.endswith(".tflite")), None)
    ratios = [output.snr_db for output in entry.fidelity if output.snr_db is not None]
    return ManifestVariant(
        variant=entry.variant.value,
        state=entry.state,
        reason=entry.reason,
        tflite="" if tflite is None else tflite.path,
        size_bytes=0 if tflite is None else tflite.size_bytes,
        size_ratio=entry.size_ratio,
        min_snr_db=min(ratios, default=None),
        accuracy_drop=None if entry.accuracy is None else entry.accuracy.drop,
        sparsity=None if entry.pruning is None else entry.pruning.sparsity,
        compressed_bytes=None if entry.pruning is None else entry.pruning.compressed_bytes,
        seconds=entry.seconds,
        chosen="" if entry.chosen is None else entry.chosen.value,
        **_latency_of(entry.latency),
    )


def _latency_of(latency: Latency | None) -> dict[str, Any]:
    return (
        {}
        if latency is None
        else {
            "latency_ms": latency.median_ms,
            "latency_p90_ms": latency.p90_ms,
            "latency_runs": latency.runs,
            "latency_threads": latency.threads,
            "latency_reason": latency.reason,
        }
    )


def _auto_latencies(report: BuildReport) -> dict[str, float]:
    rows = () if report.auto is None else report.auto.rows
    return {row.variant.value: row.latency_ms for row in rows if row.latency_ms is not None}


def _encoded(document: Any, name: str, job: Job) -> bytes:
    """Canonical JSON, for people: sorted keys, two spaces."""
    try:
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()
    except ValueError as error:
        raise OutputError(
            f"The {name} of {job.model} cannot be written as JSON: {error}."
        ) from error


def _manifest_or_none(directory: int) -> Manifest | None:
    try:
        return manifest_in(directory)
    except (OSError, ValueError):
        return None


def content(path: Path, directory: int | None = None) -> bytes:
    """The bytes of a record that is a plain file of sane size.

    Args:
        path: the record, relative to the directory where one is given.
        directory: an open directory.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no plain file, or too large to be a record.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, dir_fd=directory)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_RECORD_BYTES:
            raise ValueError(
                f"{path} is no record: mode {status.st_mode:o}, {status.st_size} bytes"
            )
        # One read gives a plain file whole; a stream around it costs more than the read itself.
        return os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)
