"""Samples of the domain's values: a job, a report, a publish key, and what a child leaves."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tflited.domain.build_key import combine
from tflited.domain.figures import Accuracy, OutputFidelity, TensorSpec
from tflited.domain.job import Failure, Job, JobState, NewJob, TriggerSource
from tflited.domain.manifest import Manifest
from tflited.domain.model import ModelId, ModelKind
from tflited.domain.policy import Metric, Policy, Variant
from tflited.domain.ports import PublishKey
from tflited.domain.report import (
    ArtifactFile,
    BuildReport,
    SourceReport,
    VariantReport,
    VariantState,
)
from tflited.domain.verdict import decide
from tflited.output.records import manifest_of

NOON: Final = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
MODEL: Final = ModelId(root="models", path="vision/mobilenet")
FAILURE: Final = Failure(code="worker", message="The child ended.", hint="wait", is_retryable=True)


def after(seconds: float) -> datetime:
    """A time so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def a_new_job(path: str = MODEL.path, **changes: Any) -> NewJob:
    """A job that no store has numbered."""
    job = NewJob(
        model=ModelId(root=MODEL.root, path=path),
        kind=ModelKind.SAVED_MODEL,
        build_key=combine("build", path),
        input_key=combine("input", path),
        model_digest=combine("model", path),
        policy_json="{}",
        trigger=TriggerSource.WATCH,
    )
    return replace(job, **changes)


def a_job(job_id: int = 1, path: str = MODEL.path, **changes: Any) -> Job:
    """A running job."""
    new = a_new_job(path)
    fields = {name: getattr(new, name) for name in NewJob.__dataclass_fields__}
    job = Job(**fields, id=job_id, state=JobState.RUNNING, attempts=1, created_at=NOON)
    return replace(job, **changes)


def a_publish_key(build: str = "1") -> PublishKey:
    """The digests of one build."""
    return PublishKey(
        build_key=combine("build", build),
        input_key=combine("input", build),
        model=combine("model", build),
        policy=Policy().digest,
        data=combine(),
        toolchain={"tensorflow": "2.21.0", "keras": "3.15.1"},
    )


def a_tensor(name: str = "x", dtype: str = "float32") -> TensorSpec:
    """One input or output."""
    return TensorSpec(index=0, name=name, shape=(1, 4), dtype=dtype)


def a_variant(
    variant: Variant = Variant.FLOAT32,
    state: VariantState = VariantState.PROVEN,
    files: tuple[ArtifactFile, ...] = (),
    **changes: Any,
) -> VariantReport:
    """One variant with its figures."""
    fidelity = OutputFidelity(
        output="y",
        samples=8,
        max_abs_error=0.01,
        relative_error=0.001,
        rmse=0.005,
        snr_db=42.5,
        cosine=0.9999,
        top1_agreement=None,
    )
    accuracy = Accuracy(
        metric=Metric.TOP1,
        output="y",
        samples=1000,
        source=0.75,
        variant=0.7425,
        drop=0.0075,
        drop_low=0.001,
        drop_high=0.0095,
        confidence=0.95,
        method="tango_score",
    )
    report = VariantReport(
        variant=variant,
        state=state,
        reason="" if state is VariantState.PROVEN else "snr 3 dB, least 20 dB",
        path="tf_converter",
        seconds=1.25,
        files=files,
        size_ratio=0.5,
        operators={"FULLY_CONNECTED": 1},
        weights_bytes={"float32": 16},
        inputs=(a_tensor("x"),),
        outputs=(a_tensor("y"),),
        fidelity=(fidelity,),
        accuracy=accuracy,
    )
    return replace(report, **changes)


def a_report(*variants: VariantReport) -> BuildReport:
    """A child's whole answer."""
    source = SourceReport(
        loader="saved_model",
        signature="serving_default",
        inputs=(a_tensor("x"),),
        outputs=(a_tensor("y"),),
        reference_inputs="random",
    )
    return BuildReport(
        source=source, variants=variants or (a_variant(),), stage_seconds={"load": 0.5}
    )


def a_file(path: str, content: bytes) -> ArtifactFile:
    """What a child says of a file."""
    return ArtifactFile(
        path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )


def leave(scratch: Path, contents: Mapping[str, bytes]) -> tuple[ArtifactFile, ...]:
    """Writes files below ``scratch/set`` as a child does, and says what a child would say."""
    for path, content in contents.items():
        place = scratch / "set" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return tuple(a_file(path, content) for path, content in contents.items())


def a_manifest(job: Job) -> Manifest:
    """The manifest of a job's set, without files."""
    report = a_report(a_variant())
    return manifest_of(job, Policy(), a_publish_key(), report, decide(report, Policy()), ())


def a_left_set(
    scratch: Path,
    *,
    mark: str = "1",
    variants: Mapping[Variant, VariantState] | None = None,
    size: int = 64,
) -> BuildReport:
    """A report and its files; every file's content is made of the mark.

    Args:
        scratch: the child's folder, made when missing.
        mark: what tells this set from another.
        variants: which and in what state; float32, proven, by default.
        size: bytes of each ``.tflite``.
    """
    reports = []
    for variant, state in (variants or {Variant.FLOAT32: VariantState.PROVEN}).items():
        files = leave(
            scratch,
            {
                f"{variant}/mobilenet.tflite": (mark * size).encode()[:size],
                f"{variant}/mobilenet.c": f"/* {mark} */\n".encode(),
                f"{variant}/mobilenet.h": f"/* {mark} */\n".encode(),
            },
        )
        reports.append(a_variant(variant, state, files))
    return a_report(*reports)
