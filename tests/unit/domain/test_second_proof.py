"""Two proofs of one set: the worse of two states, the second one's figures, and no other file."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.samples import a_file, a_report, a_variant
from tflited.domain.figures import Check, CheckResult
from tflited.domain.policy import Variant
from tflited.domain.report import ArtifactFile, VariantReport, VariantState
from tflited.domain.second_proof import agreed

FILES = (a_file("int8/m.tflite", b"model"), a_file("int8/m.c", b"source"))
MADE = a_variant(Variant.INT8, files=FILES)
PROVEN, UNVERIFIED, REJECTED = VariantState


def told(state: VariantState, **changes: Any) -> VariantReport:
    """What the second proof says of the variant, which reads the one file."""
    return replace(a_variant(Variant.INT8, state, files=FILES[:1], reason="second"), **changes)


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (PROVEN, PROVEN, PROVEN),
        (PROVEN, UNVERIFIED, UNVERIFIED),
        (PROVEN, REJECTED, REJECTED),
        (UNVERIFIED, PROVEN, UNVERIFIED),
        (UNVERIFIED, REJECTED, REJECTED),
    ],
)
def test_the_worse_of_two_states_counts(
    first: VariantState, second: VariantState, state: VariantState
) -> None:
    """With its reason: no proof lifts what the other one found."""
    made = replace(MADE, state=first, reason="first")
    (entry,) = agreed(a_report(made), a_report(told(second))).variants
    assert (entry.state, entry.reason) == (state, "first" if state is first else "second")


def test_the_figures_are_the_second_ones() -> None:
    """What a model's code says of itself is not what is published."""
    check = Check(name="runs", result=CheckResult.PASSED, observed="here", allowed="", hint="")
    (entry,) = agreed(a_report(MADE), a_report(told(PROVEN, checks=(check,), fidelity=()))).variants
    assert (entry.checks, entry.fidelity, entry.files) == ((check,), (), FILES)


@pytest.mark.parametrize(
    "files", [(), (a_file("int8/m.tflite", b"other"),), (a_file("x/m.tflite", b"model"),)]
)
def test_another_file_is_no_proof(files: tuple[ArtifactFile, ...]) -> None:
    """A proof of other bytes, of none, or of another name rejects the variant."""
    (entry,) = agreed(a_report(MADE), a_report(told(PROVEN, files=files))).variants
    assert entry.state is REJECTED
    assert "not the one that was reported" in entry.reason


def test_a_variant_without_a_second_proof_is_rejected() -> None:
    """However good the first one says it is."""
    (entry,) = agreed(a_report(MADE), replace(a_report(), variants=())).variants
    assert (entry.state, entry.reason[:9]) == (REJECTED, "its proof")


def test_what_was_rejected_needs_no_second_proof() -> None:
    """It stays as it is, and a word on it changes nothing."""
    made = replace(MADE, state=REJECTED, files=())
    assert agreed(a_report(made), a_report(told(PROVEN))) == a_report(made)
