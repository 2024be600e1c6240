"""The verdict on a report: which variants are published, and whether the set is held back."""

from dataclasses import dataclass, replace
from typing import assert_never

from tflited.domain.figures import CheckResult
from tflited.domain.policy import OnReject, Policy, Variant
from tflited.domain.report import LOSS_CHECKS, BuildReport, VariantReport, VariantState
from tflited.errors import OutputError, ProofError


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the policy makes of a report.

    Attributes:
        variants: every variant in the report's order, in the state it is recorded with; a rejected
            one lists no files.
        is_held: a rejected variant holds the whole set back.
    """

    variants: tuple[VariantReport, ...]
    is_held: bool

    @property
    def published(self) -> tuple[VariantReport, ...]:
        """The variants that go into the set."""
        return tuple(entry for entry in self.variants if entry.state is not VariantState.REJECTED)

    @property
    def rejected(self) -> tuple[VariantReport, ...]:
        """The variants that do not."""
        return tuple(entry for entry in self.variants if entry.state is VariantState.REJECTED)

    @property
    def rejections(self) -> str:
        """The rejected variants with their reasons, as one line."""
        return "; ".join(f"{entry.variant}: {entry.reason}" for entry in self.rejected)


def decide(report: BuildReport, policy: Policy) -> Verdict:
    """Applies ``on_reject`` and ``require_proof`` to what a child found out.

    Raises:
        ProofError: the float32 baseline is rejected; its build fails whatever the policy says,
            unless all it lost it lost by pruning.
        OutputError: no variant is left to publish.
    """
    for entry in report.variants:
        if entry.variant is Variant.FLOAT32 and _is_faulty(entry, policy):
            raise ProofError(f"The float32 baseline is rejected: {entry.reason}.", hint=entry.hint)
    variants = tuple(_recorded(entry, policy) for entry in report.variants)
    has_rejected = any(entry.state is VariantState.REJECTED for entry in variants)
    verdict = Verdict(variants=variants, is_held=has_rejected and policy.on_reject is OnReject.HOLD)
    if not verdict.published:
        raise OutputError(
            f"No variant is left to publish: observed {len(variants)} rejected"
            f" ({verdict.rejections or 'none was built'}), allowed at least one published.",
            hint="read the reasons, then change the policy's variants or budget, or the model",
        )
    return verdict


def _is_faulty(entry: VariantReport, policy: Policy) -> bool:
    """Whether a file is not what it was made from; what pruning cost is no fault of the file."""
    if entry.state is not VariantState.REJECTED:
        return False
    failed = {check.name for check in entry.checks if check.result is CheckResult.FAILED}
    is_lossy = policy.prune.is_on and bool(entry.checks) and failed <= LOSS_CHECKS
    return not is_lossy


def _recorded(entry: VariantReport, policy: Policy) -> VariantReport:
    """A variant in the state that the set records it with."""
    match entry.state:
        case VariantState.PROVEN:
            return entry
        case VariantState.UNVERIFIED if not policy.require_proof:
            return entry
        case VariantState.UNVERIFIED:
            reason = f"require_proof is set and it is unverified: {entry.reason}"
            return replace(entry, state=VariantState.REJECTED, reason=reason, files=())
        case VariantState.REJECTED:
            return replace(entry, files=())
        case _:
            assert_never(entry.state)
