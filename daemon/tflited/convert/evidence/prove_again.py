"""The proof in a sandbox of its own: opens no model, and sees the artifacts read-only.

Everything is checked again from the files themselves, the source's answers and the labelled data.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tflited.convert.data.reference import Pair, Reference
from tflited.convert.evidence.arrays_file import Load, loading
from tflited.convert.evidence.document import (
    ARRAYS,
    BASELINE,
    DOCUMENT,
    FOLDER,
    NAME,
    Claim,
    Document,
    SignatureSpec,
    StoredReference,
    StoredTask,
)
from tflited.convert.opening.source import Signature, Source
from tflited.convert.proof.ground import Ground
from tflited.convert.proof.prove import prove, with_checks
from tflited.convert.proof.task import Task, asked_again
from tflited.convert.pruned.build import measured
from tflited.convert.pruning.prune import Pruning
from tflited.convert.stages import Progress, Stages
from tflited.domain.attempt import AttemptRequest
from tflited.domain.report import (
    ArtifactFile,
    BuildReport,
    SourceReport,
    Stage,
    VariantReport,
)
from tflited.errors import ConversionError

SET: Final = "set"
CARRIED: Final = frozenset({"held_back", "resolver", "sparse_encoding", "tflm"})
"""Checks that only the conversion makes: they need its tools, and can only take away here."""


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Proves what a conversion left.

    Args:
        request: names the folder of the conversion, the policy and the labelled data.
        progress: told at the beginning of each proof.

    Returns:
        Every variant of the evidence with what this proof made of it, and the one file it read.

    Raises:
        ConversionError: the evidence has another form, or a file cannot be read.
    """
    left = Path(request.evidence)
    document = _document(left / FOLDER)
    stages = Stages(progress=progress)
    ground = _ground(document, request, left / FOLDER)
    variants = tuple(_again(claim, ground, left / SET, stages) for claim in document.claims)
    source = SourceReport(
        loader="", signature="", inputs=(), outputs=(), reference_inputs=ground.reference.origin
    )
    return BuildReport(source=source, variants=variants, stage_seconds=dict(stages.seconds))


def _document(folder: Path) -> Document:
    try:
        return DOCUMENT.validate_python(json.loads((folder / NAME).read_bytes()))
    except (OSError, ValueError) as error:  # pydantic's is a ValueError, too
        first = str(error).partition("\n")[0]
        raise ConversionError(f"The evidence of the conversion cannot be read: {first}.") from error


def _again(claim: Claim, ground: Ground, folder: Path, stages: Stages) -> VariantReport:
    with stages.entered(Stage.PROVE, claim.variant.value):
        try:
            content = (folder / claim.file).read_bytes()
        except OSError as error:
            raise ConversionError(f"{claim.file} cannot be read: {error.strerror}.") from error
        file = measured(content)
        proof = prove(claim.proven_as, content, file, replace(ground, policy=claim.policy))
        known = {check.name for check in proof.checks}
        carried = tuple(c for c in claim.checks if c.name in CARRIED and c.name not in known)
        required = claim.policy.require_proof
        proof = with_checks(proof, carried, requires_proof=required) if carried else proof
    return VariantReport(
        variant=claim.variant,
        state=proof.state,
        reason=proof.reason,
        hint=proof.hint,
        files=(
            ArtifactFile(
                path=claim.file, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
            ),
        ),
        checks=proof.checks,
        fidelity=proof.fidelity,
        fidelity_pruned=proof.fidelity_pruned,
        accuracy=proof.accuracy,
    )


def _ground(document: Document, request: AttemptRequest, folder: Path) -> Ground:
    load = loading(folder / ARRAYS)
    source = Source(
        loader="",
        directory=folder,
        tags=(),
        signatures=tuple(map(_signature, document.signatures)),
        owner=None,
        is_training_aware=document.is_training_aware,
    )
    pruning = document.pruning
    return Ground(
        policy=request.policy,
        source=source,
        reference=_reference(document.reference, load),
        baseline=measured((folder / BASELINE).read_bytes()),
        threads=request.threads,
        task=_task(document.task, request, load),
        pruning=None
        if pruning is None
        else Pruning(
            source=source,
            weights=pruning.weights,
            original=_reference(pruning.original, load),
            rules=request.policy.prune,
        ),
    )


def _signature(spec: SignatureSpec) -> Signature:
    return Signature(
        name=spec.name, inputs=spec.inputs, outputs=spec.outputs, body=_no_model, reference=None
    )


def _no_model(**_: Any) -> Mapping[str, Any]:
    raise ConversionError("A proof asked for the model, which is not here.")


def _reference(stored: StoredReference, load: Load) -> Reference:
    pairs = {
        name: tuple(
            Pair(
                inputs={key: load(value) for key, value in entry.inputs.items()},
                outputs={key: load(value) for key, value in entry.outputs.items()},
            )
            for entry in entries
        )
        for name, entries in stored.pairs.items()
    }
    return Reference(origin=stored.origin, pairs=pairs, trouble=stored.trouble)


def _task(stored: StoredTask | None, request: AttemptRequest, load: Load) -> Task | None:
    if stored is None:
        return None
    rules = request.policy.evaluation
    if stored.trouble:
        return Task(rules=rules, trouble=stored.trouble, hint=stored.hint)
    known = Task(
        rules=rules,
        title=stored.title,
        signature=stored.signature,
        output=stored.output,
        inputs=stored.inputs,
        shape=stored.shape,
        source=load(stored.source),
    )
    return asked_again(known, request)
