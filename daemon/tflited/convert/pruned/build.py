"""What pruning adds to a build: the ground that its proofs stand on, and the form of its files."""

from dataclasses import replace
from pathlib import Path

from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.ground import Ground
from tflited.convert.proof.prove import Proof, prove, with_checks
from tflited.convert.pruned import sparse
from tflited.convert.pruning.prune import again, pruned
from tflited.convert.quantising.quantise import Made
from tflited.convert.tflite import flatbuffer
from tflited.domain.policy import Variant


def grounded(common: Ground, scratch: Path) -> Ground:
    """The ground of a build, over the pruned source where the policy prunes.

    Accuracy stays that of the source as it came, which ``common.task`` was measured on.

    Args:
        common: the source as it came, and what it computes.
        scratch: where a SavedModel of the pruned one goes when one is needed; must not exist.

    Raises:
        ConversionError: the source cannot be pruned, or does not run any more.
    """
    rules = common.policy.prune
    if not rules.is_on:
        return common
    pruning = pruned(common.source, rules, common.reference, scratch)
    compared = again(pruning.source, common.reference)
    return replace(common, source=pruning.source, reference=compared, pruning=pruning)


def measured(content: bytes) -> Measured:
    """A file, read and weighed."""
    return Measured(flatbuffer=flatbuffer.read(content), size_bytes=len(content))


def proven(
    variant: Variant, made: Made, ground: Ground, known: Proof | None = None
) -> tuple[Made, Measured, Proof]:
    """A pruned file in the form that is published, and its proof in that form.

    Args:
        variant: what the file claims to be.
        made: the file, dense.
        ground: what to compare with, over a pruned source.
        known: the proof of the dense file where there is one.
    """
    found = sparse.encoded(
        made.content, ground.policy, ground.reference.pairs, threads=ground.threads
    )
    if found.content != made.content:
        made, known = replace(made, content=found.content), None
    file = measured(made.content)
    proof = known or prove(variant, made.content, file, ground)
    required = ground.policy.require_proof
    return made, file, with_checks(proof, (found.check,), requires_proof=required)
