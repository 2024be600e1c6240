"""The child's whole work in order: load, lower, quantise, prove, emit C, report."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from tflited.convert.artifacts import Artifact, written
from tflited.convert.auto.candidates import Candidate
from tflited.convert.auto.choose import Choice, Shop, choose
from tflited.convert.data import synthetic
from tflited.convert.data.notes import data_notes
from tflited.convert.data.reference import reference
from tflited.convert.evidence import prove_again
from tflited.convert.evidence.document import Claim
from tflited.convert.evidence.leave import leave
from tflited.convert.layers.layer_error import Layers, layer_errors
from tflited.convert.load import load
from tflited.convert.lowering.lower import Lowered, lower
from tflited.convert.micro.trial import is_concerned, on_target
from tflited.convert.notes import notes
from tflited.convert.opening.source import Source
from tflited.convert.profile.latency import Stopwatch
from tflited.convert.profile.work import counted
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.ground import Ground, source_specs
from tflited.convert.proof.prove import Proof, check_baseline, has_failed, prove
from tflited.convert.proof.task import Task, task
from tflited.convert.pruned.build import grounded, measured, proven
from tflited.convert.pruning import zeros
from tflited.convert.quantising.calibrate import Statistics, representative
from tflited.convert.quantising.order import Order
from tflited.convert.quantising.quantise import Made, candidates
from tflited.convert.runtime import set_up
from tflited.convert.stages import Progress, Stages
from tflited.convert.tflite.flatbuffer import Flatbuffer
from tflited.domain.attempt import AttemptRequest
from tflited.domain.choice import AutoReport
from tflited.domain.policy import NEEDS_CALIBRATION, Variant
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

_NOTHING: Final = Measured(flatbuffer=Flatbuffer(subgraphs=(), signatures=()), size_bytes=0)
"""Stands for the baseline until there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What the variants of one build share.

    ``known`` holds what was made and proven, so that a variant beside ``auto`` is made once;
    ``claims`` what is to be published, for the proof in a sandbox of its own.
    """

    request: AttemptRequest
    stages: Stages
    lowered: Lowered
    ground: Ground
    statistics: Statistics
    stopwatch: Stopwatch
    known: list[tuple[Order, tuple[Made, Measured, Proof]]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Turns a model into its set of variants below ``request.scratch``, or proves such a set.

    Args:
        request: the model, its policy and its data; or the evidence that another child left.
        progress: told at the beginning of each stage.

    Returns:
        What was made, what was rejected and why, and where the time went. Files of every variant
        that was not rejected lie in ``scratch/set/VARIANT``.

    Raises:
        ConversionError: the model does not load or cannot be lowered, or no variant is left.
        ProofError: the float32 baseline does not match its source.
    """
    if request.evidence:
        return prove_again.run(request, progress)
    set_up(Path(request.model), request.threads)
    stages = Stages(progress=progress)
    build, baseline = _prepared(request, stages)
    reports: list[VariantReport] = []
    auto: AutoReport | None = None
    for variant in request.policy.variants:
        match variant:
            case Variant.FLOAT32:
                reports.append(_float32(build, baseline))
            case Variant.AUTO:
                report, auto = _auto(build, baseline)
                reports.append(report)
            case _:
                reports.append(_variant(build, variant))
    _require_one(reports)
    leave(Path(request.scratch), build.ground, build.lowered.content, build.claims)
    return BuildReport(
        source=_source_report(build),
        variants=tuple(reports),
        stage_seconds=dict(stages.seconds),
        auto=auto,
    )


def _prepared(request: AttemptRequest, stages: Stages) -> tuple[Build, Proof]:
    with stages.entered(Stage.LOAD, request.stem):
        source = load(request)
    with stages.entered(Stage.REFERENCE, request.stem):
        compared = reference(request, source)
    common = Ground(
        policy=request.policy,
        source=source,
        reference=compared,
        baseline=_NOTHING,
        threads=request.threads,
        task=_task(request, source, stages),
    )
    if request.policy.prune.is_on:
        with stages.entered(Stage.REFERENCE, "pruned"):
            common = grounded(common, Path(request.scratch, "pruned"))
    lowered, ground, proof = _lowered(request, stages, common)
    build = Build(
        request=request,
        stages=stages,
        lowered=lowered,
        ground=ground,
        statistics=Statistics(lowered.content, lambda: representative(request, lowered.source)),
        stopwatch=Stopwatch(request, compared, stages),
    )
    return build, proof


def _lowered(
    request: AttemptRequest, stages: Stages, common: Ground
) -> tuple[Lowered, Ground, Proof]:
    """The float32 file and its proof; what the fast way got wrong is lowered the public way."""
    for is_public_only in (False, True):
        with stages.entered(Stage.LOWER, Variant.FLOAT32.value):
            ops, scratch = request.policy.ops, Path(request.scratch)
            lowered = lower(common.source, ops, scratch, is_public_only=is_public_only)
            baseline = measured(lowered.content)
        ground = replace(common, source=lowered.source, baseline=baseline)
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


def _float32(build: Build, proof: Proof) -> VariantReport:
    return _report(build, Variant.FLOAT32, *_baseline(build, proof))


def _baseline(build: Build, proof: Proof) -> tuple[Made, Measured, Proof]:
    made = Made(content=build.lowered.content, path=build.lowered.how.path.value)
    ground, file = build.ground, build.ground.baseline
    if ground.pruning is None and not is_concerned(ground.policy):
        return made, file, proof
    with build.stages.entered(Stage.PROVE, Variant.FLOAT32.value):
        if ground.pruning is not None:
            made, file, proof = proven(Variant.FLOAT32, made, ground, proof)
        return made, file, on_target(proof, made.content, file, ground)


def _auto(build: Build, baseline: Proof) -> tuple[VariantReport, AutoReport]:
    """The variant that is chosen, published under the one name ``auto``, and how it was chosen."""
    started = time.monotonic()
    shop = Shop(
        request=build.request,
        stages=build.stages,
        order=_order(build, Variant.AUTO),
        ground=build.ground,
        baseline=_baseline(build, baseline),
        best=partial(_best, build),
        judge=_judged,
        latency_ms=build.stopwatch.median_ms,
    )
    choice = choose(shop)
    report = replace(_chosen(build, choice), seconds=time.monotonic() - started)
    return report, choice.report


def _chosen(build: Build, choice: Choice) -> VariantReport:
    trial = choice.trial
    if trial is None or trial.made is None or trial.file is None or trial.proof is None:
        return VariantReport(
            variant=Variant.AUTO,
            state=VariantState.REJECTED,
            reason=choice.reason,
            hint=choice.hint,
        )
    proof = replace(trial.proof, reason=choice.reason, hint=choice.hint)
    told = {**build.request.provenance, "chosen by auto": trial.candidate.variant.value}
    titled = replace(build, request=replace(build.request, provenance=told))
    report = _report(titled, Variant.AUTO, trial.made, trial.file, proof, trial.candidate)
    return replace(report, chosen=trial.candidate.variant)


def _variant(build: Build, variant: Variant) -> VariantReport:
    """One variant; whatever is wrong with it alone rejects it and nothing else."""
    started = time.monotonic()
    try:
        made, file, proof = _best(build, _order(build, variant), build.ground)
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


def _order(build: Build, variant: Variant) -> Order:
    return Order(
        variant=variant,
        lowered=build.lowered,
        policy=build.request.policy,
        statistics=build.statistics,
    )


def _best(build: Build, order: Order, ground: Ground) -> tuple[Made, Measured, Proof]:
    """The first candidate that holds; where none does, the first one tells why.

    Raises:
        ConversionError: the variant cannot be made, or ended a process in being made.
    """
    variant = order.variant
    if variant in build.request.given_up:
        raise ConversionError(
            f"Its making or proof ended the process: {build.request.given_up[variant]}",
            hint="choose another variant, or another quantiser in the policy",
            code="given_up",
        )
    for other, found in build.known:
        if (other.variant, other.policy) == (variant, order.policy):
            return found
    found = _first_that_holds(build, order, ground)
    build.known.append((order, found))
    return found


def _first_that_holds(build: Build, order: Order, ground: Ground) -> tuple[Made, Measured, Proof]:
    variant = order.variant
    tried: list[tuple[Made, Measured, Proof]] = []
    waiting = candidates(order)
    while (made := _next(build, variant, waiting)) is not None:
        with build.stages.entered(Stage.PROVE, variant.value):
            tried.append(_judged(variant, made, ground))
        if tried[-1][-1].state is not VariantState.REJECTED:
            return tried[-1]
    return tried[0]


def _judged(variant: Variant, made: Made, ground: Ground) -> tuple[Made, Measured, Proof]:
    if ground.pruning is not None:
        made, file, proof = proven(variant, made, ground)
    else:
        file = measured(made.content)
        proof = prove(variant, made.content, file, ground)
    return made, file, on_target(proof, made.content, file, ground)


def _next(build: Build, variant: Variant, waiting: Iterator[Made]) -> Made | None:
    with build.stages.entered(Stage.QUANTISE, variant.value):
        return next(waiting, None)


def _report(
    build: Build,
    variant: Variant,
    made: Made,
    file: Measured,
    proof: Proof,
    chosen: Candidate | None = None,
) -> VariantReport:
    files: tuple[ArtifactFile, ...] = ()
    if is_published := proof.state is not VariantState.REJECTED:
        artifact = Artifact(variant, made.content, file, proof.micro)
        files = written(build.request, build.stages, artifact)
        build.claims.append(
            Claim(
                variant=variant,
                file=files[0].path,
                proven_as=chosen.variant if chosen else variant,
                policy=chosen.policy if chosen else build.request.policy,
                checks=proof.checks,
            )
        )
    pruning = build.ground.pruning
    layers = _layers(build, variant, made.content)
    return VariantReport(
        variant=variant,
        state=proof.state,
        reason=proof.reason,
        hint=proof.hint,
        path=made.path,
        files=files,
        size_ratio=file.size_bytes / build.ground.baseline.size_bytes,
        operators=file.flatbuffer.operators,
        weights_bytes=file.flatbuffer.weights_bytes,
        inputs=file.flatbuffer.inputs,
        outputs=file.flatbuffer.outputs,
        checks=proof.checks,
        fidelity=proof.fidelity,
        fidelity_pruned=proof.fidelity_pruned,
        pruning=None if pruning is None else zeros.record(made.content, pruning.weights),
        accuracy=proof.accuracy,
        layers=layers.entries,
        layers_note=layers.note,
        work=counted(file.flatbuffer),
        latency=build.stopwatch.latency(variant, made, file) if is_published else None,
        micro=proof.micro,
    )


def _layers(build: Build, variant: Variant, content: bytes) -> Layers:
    """Where an integer variant loses its numbers, also where it was rejected for that."""
    if variant not in NEEDS_CALIBRATION:
        return Layers()
    with build.stages.entered(Stage.PROVE, f"{variant.value} layers"):
        return layer_errors(content, build.lowered.content, build.ground.reference)


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
        pruned=build.ground.pruning.weights if build.ground.pruning else (),
        notes=(
            *source.notes,
            *notes(build.request.policy, build.ground.baseline.flatbuffer),
            *_data_notes(build),
        ),
    )


def _data_notes(build: Build) -> tuple[str, ...]:
    ground = build.ground
    classes = ground.task.classes if ground.task else ()
    return (
        *synthetic.notes(ground.policy, ground.source),
        *data_notes(build.request, ground.reference, classes),
    )


def _require_one(reports: Sequence[VariantReport]) -> None:
    if any(report.state is not VariantState.REJECTED for report in reports):
        return
    reasons = "; ".join(f"{report.variant}: {report.reason}" for report in reports)
    raise ConversionError(
        f"No variant is left to publish. {reasons.removesuffix('.')}.",
        hint=next((report.hint for report in reports if report.hint), ""),
        code="no_variant",
    )
