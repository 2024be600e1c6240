"""What two proofs of one set come to: the word of the one that opened no model counts."""

from dataclasses import replace
from typing import Final

from tflited.domain.report import ArtifactFile, BuildReport, VariantReport, VariantState

_WORSE: Final = (VariantState.PROVEN, VariantState.UNVERIFIED, VariantState.REJECTED)
_HINT: Final = "the model's code may have tampered with its files or its proof; else report this"


def agreed(report: BuildReport, second: BuildReport) -> BuildReport:
    """The report of a conversion with the figures of the second proof, and the worse of two states.

    Args:
        report: of the child that converted.
        second: of the child that only proved.
    """
    proofs = {entry.variant: entry for entry in second.variants}
    variants = tuple(
        entry if entry.state is VariantState.REJECTED else _agreed(entry, proofs.get(entry.variant))
        for entry in report.variants
    )
    return replace(report, variants=variants)


def _agreed(entry: VariantReport, proof: VariantReport | None) -> VariantReport:
    if proof is None:
        return _rejected(entry, "its proof in a sandbox of its own is missing")
    if _models(entry) != _models(proof):
        return _rejected(entry, "the file that was proven is not the one that was reported")
    told = replace(
        entry,
        checks=proof.checks,
        fidelity=proof.fidelity,
        fidelity_pruned=proof.fidelity_pruned,
        accuracy=proof.accuracy,
    )
    if _WORSE.index(proof.state) <= _WORSE.index(entry.state):
        return told
    return replace(told, state=proof.state, reason=proof.reason, hint=proof.hint)


def _models(entry: VariantReport) -> list[ArtifactFile]:
    """What is proven; C sources hold the same bytes, and are not run here."""
    return [file for file in entry.files if file.path.endswith(".tflite")]


def _rejected(entry: VariantReport, reason: str) -> VariantReport:
    return replace(entry, state=VariantState.REJECTED, reason=reason, hint=_HINT)
