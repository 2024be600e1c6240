"""What came of one candidate, and in which order candidates are looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tflited.convert.auto.candidates import Candidate
from tflited.convert.auto.layers import Layer
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.prove import Proof
from tflited.convert.quantising.quantise import Made
from tflited.domain.choice import RowState
from tflited.domain.figures import Check, CheckResult

EQUAL_SIZES: Final = 1.1
"""Files no larger than this times the smallest count as equal: what a scale for each channel or a
signature adds in bytes must not decide against the form that the target computes fastest."""

NUMBERS: Final = frozenset({"accuracy", "fidelity"})
"""Checks of the budget itself, which layers in float can mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one candidate.

    Attributes:
        candidate: which.
        verdict: ``CHOSEN`` stands for inside the budget until one of those is chosen.
        reason: why it is refused, skipped or inconclusive; empty inside the budget.
        hint: the next step; empty when there is none.
        made: its file; None where it was not made.
        file: what was read from it.
        proof: its proof.
        kept: layers that the search left in float.
        latency_ms: median of one invocation; None unless profiled.
    """

    candidate: Candidate
    verdict: RowState
    reason: str = ""
    hint: str = ""
    made: Made | None = None
    file: Measured | None = None
    proof: Proof | None = None
    kept: tuple[Layer, ...] = ()
    latency_ms: float | None = None

    @property
    def size_bytes(self) -> int:
        """Of its file; 0 without one."""
        return self.file.size_bytes if self.file else 0

    @property
    def misses_budget(self) -> bool:
        """Whether nothing but the numbers speaks against it."""
        return self.proof is not None and (
            self.verdict is not RowState.CHOSEN
            and all(
                check.name in NUMBERS
                for check in self.proof.checks
                if check.result is not CheckResult.PASSED
            )
        )


def judged(candidate: Candidate, made: Made, file: Measured, proof: Proof) -> Trial:
    """The trial that a proof means: what is not proven is never inside the budget."""
    failed = _first(proof, CheckResult.FAILED)
    unproven = _first(proof, CheckResult.UNPROVEN)
    verdict = RowState.CHOSEN
    if failed or unproven:
        verdict = RowState.REFUSED if failed else RowState.INCONCLUSIVE
    told = failed or unproven
    return Trial(
        candidate=candidate,
        verdict=verdict,
        reason=f"{told.name}: {told.observed}; allowed: {told.allowed}" if told else "",
        hint=told.hint if told else "",
        made=made,
        file=file,
        proof=proof,
    )


def _first(proof: Proof, result: CheckResult) -> Check | None:
    return next((check for check in proof.checks if check.result is result), None)


def by_size(trials: Sequence[Trial]) -> Iterator[Trial]:
    """The trials that have a file, the smallest first; of equal sizes the tree's order decides.

    Args:
        trials: in the tree's order.
    """
    waiting = [trial for trial in trials if trial.file]
    while waiting:
        limit = min(trial.size_bytes for trial in waiting) * EQUAL_SIZES
        yield from (trial for trial in waiting if trial.size_bytes <= limit)
        waiting = [trial for trial in waiting if trial.size_bytes > limit]


def chosen_of(ordered: Sequence[Trial], *, requires_proof: bool) -> Trial | None:
    """The first inside the budget, however large; else the first that is not decided.

    Args:
        ordered: from ``by_size``.
        requires_proof: nothing that is not decided is chosen.
    """
    allowed = [RowState.CHOSEN] if requires_proof else [RowState.CHOSEN, RowState.INCONCLUSIVE]
    found = (trial for verdict in allowed for trial in ordered if trial.verdict is verdict)
    return next(found, None)
