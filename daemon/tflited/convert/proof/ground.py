"""What every proof of a build stands on."""

from dataclasses import dataclass

from tflited.convert.data.reference import Reference
from tflited.convert.opening.source import Source
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.task import Task
from tflited.convert.pruning.prune import Pruning
from tflited.convert.tflite.flatbuffer import qualified
from tflited.domain.figures import TensorSpec
from tflited.domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every proof of a build stands on.

    Attributes:
        policy: budgets, and what was asked.
        source: the model.
        reference: inputs and the source's outputs; the pruned source's where it was pruned.
        baseline: the float32 file, dense.
        threads: processor threads to use.
        task: labelled data to judge accuracy on; None where no metric is asked.
        pruning: what was pruned, and what the source computed before; None without pruning.
    """

    policy: Policy
    source: Source
    reference: Reference
    baseline: Measured
    threads: int = 1
    task: Task | None = None
    pruning: Pruning | None = None

    @property
    def is_of_loss(self) -> bool:
        """Whether a pruned file is compared with the source as it was before."""
        return self.pruning is not None and self.reference is self.pruning.original


def source_specs(source: Source) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs of a source over all its signatures, named as in reports."""
    count = len(source.signatures)
    inputs, outputs = (
        tuple(
            TensorSpec(
                index=spec.index,
                name=qualified(entry.name, spec.name, count),
                shape=spec.shape,
                dtype=spec.dtype,
            )
            for entry in source.signatures
            for spec in (entry.inputs if side == 0 else entry.outputs)
        )
        for side in (0, 1)
    )
    return inputs, outputs
