"""The child's whole work in order: load, lower, quantise, prove, emit C, report."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import tensorflow as tf

from tflited.convert.c_source.c_names import file_stem
from tflited.convert.c_source.emit_c import Titles
from tflited.convert.data.reference import Reference, reference
from tflited.convert.load import load
from tflited.convert.lowering.lower import FLOAT_SETS, Lowered, lower
from tflited.convert.micro.styles import sources, symbol_of
from tflited.convert.micro.trial import is_concerned, on_target
from tflited.convert.opening.source import Source
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.prove import (
    Ground,
    Proof,
    check_baseline,
    has_failed,
    prove,
    source_specs,
)
from tflited.convert.proof.task import Task, task
from tflited.convert.quantising.calibrate import Statistics, representative
from tflited.convert.quantising.order import Order
from tflited.convert.quantising.quantise import Made, candidates
from tflited.convert.tflite import flatbuffer
from tflited.domain.attempt import AttemptRequest
from tflited.domain.policy import NEEDS_CALIBRATION, TensorType, Variant
from tflited.domain.report import (
    ArtifactFile,
    BuildReport,
    LoweringPath,
    SourceReport,
    Stage,
    VariantReport,
    VariantState,
)
from tflited.errors import ConversionError

Progress = Callable[[Stage, str], None]
SET: Final = "set"
"""Folder below the scratch directory that holds what is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Tells the progress and adds up where the time goes.

    Attributes:
        progress: told at the beginning of each stage, with a detail.
        seconds: stage to seconds so far.
    """

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def entered(self, stage: Stage, detail: str) -> Iterator[None]:
        """Counts the time of the block for the stage, also where it raises."""
        self.progress(stage, detail)
        started = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - started
            self.seconds[stage.value] = self.seconds.get(stage.value, 0.0) + spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What the variants of one build share."""

    request: AttemptRequest
    stages: Stages
    lowered: Lowered
    ground: Ground
    statistics: Statistics


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Turns a model into its set of variants below ``request.scratch``.

    Args:
        request: the model, its policy and its data.
        progress: told at the beginning of each stage.

    Returns:
        What was made, what was rejected and why, and where the time went. Files of every variant
        that was not rejected lie in ``scratch/set/VARIANT``.

    Raises:
        ConversionError: the model does not load or cannot be lowered, or no variant is left.
        ProofError: the float32 baseline does not match its source.
    """
    _set_up_tensorflow(request.threads)
    stages = Stages(progress=progress)
    build, baseline = _prepared(request, stages)
    reports = tuple(
        _float32(build, baseline) if variant is Variant.FLOAT32 else _variant(build, variant)
        for variant in request.policy.variants
    )
    _require_one(reports)
    return BuildReport(
        source=_source_report(build), variants=reports, stage_seconds=dict(stages.seconds)
    )


def _set_up_tensorflow(threads: int) -> None:
    # The source is run as it was written: the optimiser of graphs takes longer than the few runs,
    # and rounds otherwise where it joins operators.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    # Refused once TensorFlow has run; a fresh child never has, a test's process may.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _prepared(request: AttemptRequest, stages: Stages) -> tuple[Build, Proof]:
    with stages.entered(Stage.LOAD, request.stem):
        source = load(request)
    with stages.entered(Stage.REFERENCE, request.stem):
        compared = reference(request, source)
    lowered, ground, proof = _lowered(request, stages, source, compared)
    build = Build(
        request=request,
        stages=stages,
        lowered=lowered,
        ground=ground,
        statistics=Statistics(lowered.content, lambda: representative(request, lowered.source)),
    )
    return build, proof


def _lowered(
    request: AttemptRequest, stages: Stages, source: Source, compared: Reference
) -> tuple[Lowered, Ground, Proof]:
    """The float32 file and its proof; what the fast way got wrong is lowered the public way."""
    asked = _task(request, source, stages)
    for is_public_only in (False, True):
        with stages.entered(Stage.LOWER, Variant.FLOAT32.value):
            ops, scratch = request.policy.ops, Path(request.scratch)
            lowered = lower(source, ops, scratch, is_public_only=is_public_only)
            baseline = _measured(lowered.content)
        ground = Ground(
            policy=request.policy,
            source=lowered.source,
            reference=compared,
            baseline=baseline,
            threads=request.threads,
            task=asked,
        )
        with stages.entered(Stage.PROVE, Variant.FLOAT32.value):
            proof = prove(Variant.FLOAT32, lowered.content, baseline, ground)
        if not has_failed(proof) or lowered.how.path is LoweringPath.PUBLIC_API:
            break
    check_baseline(proof)
    return lowered, ground, proof


def _task(request: AttemptRequest, source: Source, stages: Stages) -> Task | None:
    """The labelled samples and the source's answers to them; None where no metric is asked."""
    if request.policy.evaluation.metric is None:
        return None
    with stages.entered(Stage.REFERENCE, "accuracy"):
        return task(request, source)


def _measured(content: bytes) -> Measured:
    return Measured(flatbuffer=flatbuffer.read(content), size_bytes=len(content))


def _float32(build: Build, proof: Proof) -> VariantReport:
    made = Made(content=build.lowered.content, path=build.lowered.how.path.value)
    if is_concerned(build.request.policy):
        with build.stages.entered(Stage.PROVE, Variant.FLOAT32.value):
            proof = on_target(proof, made.content, build.ground.baseline, build.ground)
    return _report(build, Variant.FLOAT32, made, build.ground.baseline, proof)


def _variant(build: Build, variant: Variant) -> VariantReport:
    """One variant; whatever is wrong with it alone rejects it and nothing else."""
    started = time.monotonic()
    try:
        made, file, proof = _best(build, variant)
    except ConversionError as error:
        return VariantReport(
            variant=variant,
            state=VariantState.REJECTED,
            reason=error.message,
            hint=error.hint,
            seconds=time.monotonic() - started,
        )
    report = _report(build, variant, made, file, proof)
    return replace(report, seconds=time.monotonic() - started)


def _best(build: Build, variant: Variant) -> tuple[Made, Measured, Proof]:
    """The first candidate that holds; where none does, the first one tells why."""
    order = Order(
        variant=variant,
        lowered=build.lowered,
        policy=build.request.policy,
        statistics=build.statistics,
    )
    tried: list[tuple[Made, Measured, Proof]] = []
    waiting = candidates(order)
    while (made := _next(build, variant, waiting)) is not None:
        file = _measured(made.content)
        with build.stages.entered(Stage.PROVE, variant.value):
            proof = prove(variant, made.content, file, build.ground)
            proof = on_target(proof, made.content, file, build.ground)
        tried.append((made, file, proof))
        if proof.state is not VariantState.REJECTED:
            return tried[-1]
    return tried[0]


def _next(build: Build, variant: Variant, waiting: Iterator[Made]) -> Made | None:
    with build.stages.entered(Stage.QUANTISE, variant.value):
        return next(waiting, None)


def _report(
    build: Build, variant: Variant, made: Made, file: Measured, proof: Proof
) -> VariantReport:
    is_published = proof.state is not VariantState.REJECTED
    return VariantReport(
        variant=variant,
        state=proof.state,
        reason=proof.reason,
        hint=proof.hint,
        path=made.path,
        files=_written(build, variant, made.content, file, proof) if is_published else (),
        size_ratio=file.size_bytes / build.ground.baseline.size_bytes,
        operators=file.flatbuffer.operators,
        weights_bytes=file.flatbuffer.weights_bytes,
        inputs=file.flatbuffer.inputs,
        outputs=file.flatbuffer.outputs,
        checks=proof.checks,
        fidelity=proof.fidelity,
        accuracy=proof.accuracy,
        micro=proof.micro,
    )


def _written(
    build: Build, variant: Variant, content: bytes, file: Measured, proof: Proof
) -> tuple[ArtifactFile, ...]:
    stem = file_stem(build.request.stem)
    contents = {f"{stem}.tflite": content}
    if build.request.policy.c_array.enabled:
        with build.stages.entered(Stage.EMIT_C, variant.value):
            contents |= _c_sources(build, variant, content, file, proof)
    folder = Path(build.request.scratch, SET, variant.value)
    folder.mkdir(parents=True)
    for name, data in contents.items():
        # Not synced: the parent copies what it takes over, and syncs its copy.
        (folder / name).write_bytes(data)
    return tuple(
        ArtifactFile(
            path=f"{variant.value}/{name}",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for name, data in contents.items()
    )


def _c_sources(
    build: Build, variant: Variant, content: bytes, file: Measured, proof: Proof
) -> dict[str, bytes]:
    policy, stem = build.request.policy, file_stem(build.request.stem)
    titles = Titles(
        symbol=symbol_of(policy.c_array, model=build.request.stem, variant=variant.value),
        header_name=f"{stem}.h",
        section=policy.c_array.section,
        lines={
            "model": build.request.stem,
            "variant": variant.value,
            "sha256 of the .tflite": hashlib.sha256(content).hexdigest(),
            **build.request.provenance,
        },
        micro=proof.micro,
    )
    return sources(content, file.flatbuffer, policy, titles, stem)


def _source_report(build: Build) -> SourceReport:
    source = build.ground.source
    inputs, outputs = source_specs(source)
    return SourceReport(
        loader=source.loader,
        signature=", ".join(entry.name for entry in source.signatures),
        inputs=inputs,
        outputs=outputs,
        reference_inputs=build.ground.reference.origin,
        lowering=build.lowered.how,
        notes=(
            *source.notes,
            *_state_notes(build),
            *_io_notes(build.request),
            *_operator_notes(build.request),
        ),
    )


def _state_notes(build: Build) -> tuple[str, ...]:
    if not build.ground.baseline.flatbuffer.keeps_state:
        return ()
    note = (
        "The files keep the state of recurrent layers between invocations: reset the interpreter's "
        "variables before each new sequence."
    )
    return (note,)


def _io_notes(request: AttemptRequest) -> tuple[str, ...]:
    policy = request.policy
    asked = {policy.input_type, policy.output_type} - {TensorType.FLOAT32}
    floats = [entry.value for entry in policy.variants if entry not in NEEDS_CALIBRATION]
    if not asked or not floats:
        return ()
    note = (
        f"input_type and output_type hold for integer variants; {', '.join(floats)} keep the "
        "source's types."
    )
    return (note,)


def _operator_notes(request: AttemptRequest) -> tuple[str, ...]:
    if FLOAT_SETS & set(request.policy.ops):
        return ()
    return (
        "ops holds no operators on floats; variants that compute in float use TFLITE_BUILTINS.",
    )


def _require_one(reports: tuple[VariantReport, ...]) -> None:
    if any(report.state is not VariantState.REJECTED for report in reports):
        return
    reasons = "; ".join(f"{report.variant}: {report.reason}" for report in reports)
    raise ConversionError(
        f"No variant is left to publish. {reasons.removesuffix('.')}.",
        hint=next((report.hint for report in reports if report.hint), ""),
        code="no_variant",
    )
