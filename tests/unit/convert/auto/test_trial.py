"""What a proof makes of a candidate, and which one is taken."""

from collections.abc import Callable

import pytest

from tflited.convert.auto.candidates import Candidate
from tflited.convert.auto.trial import Trial, by_size, chosen_of, judged
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.prove import verdict
from tflited.convert.quantising.quantise import Made
from tflited.convert.tflite import flatbuffer
from tflited.domain.choice import RowState
from tflited.domain.figures import Check, CheckResult
from tflited.domain.policy import Policy, Variant

TrialOf = Callable[..., Trial]


@pytest.fixture
def trial_of(dense: Callable[..., bytes]) -> TrialOf:
    """A candidate's trial with a file of some size and checks of some results."""

    def made(variant: Variant, size: int = 1000, **results: CheckResult) -> Trial:
        checks = tuple(
            Check(name=name, result=result, observed="seen", allowed="wanted", hint=f"mend {name}")
            for name, result in results.items()
        )
        return judged(
            Candidate(variant=variant, policy=Policy()),
            Made(content=b"", path=""),
            Measured(flatbuffer=flatbuffer.read(dense()), size_bytes=size),
            verdict(checks, (), requires_proof=False),
        )

    return made


PASSED, FAILED, UNPROVEN = CheckResult


def test_what_is_not_decided_is_no_pass(trial_of: TrialOf) -> None:
    """Too few samples leave a candidate inconclusive; a failed check refuses it."""
    assert trial_of(Variant.INT8, accuracy=PASSED).verdict is RowState.CHOSEN
    open_one = trial_of(Variant.INT8, fidelity=PASSED, accuracy=UNPROVEN)
    assert (open_one.verdict, open_one.hint) == (RowState.INCONCLUSIVE, "mend accuracy")
    refused = trial_of(Variant.INT8, size_ratio=UNPROVEN, accuracy=FAILED)
    assert refused.verdict is RowState.REFUSED
    assert refused.reason == "accuracy: seen; allowed: wanted"


def test_layers_in_float_mend_numbers_only(trial_of: TrialOf) -> None:
    """A file that does not run or is not what it claims gets no search."""
    assert trial_of(Variant.INT8, fidelity=FAILED).misses_budget
    assert trial_of(Variant.INT8, runs=PASSED, accuracy=UNPROVEN).misses_budget
    assert not trial_of(Variant.INT8, fidelity=PASSED).misses_budget
    assert not trial_of(Variant.INT8, fidelity=FAILED, runs=FAILED).misses_budget
    assert not trial_of(Variant.INT8, operator_types=FAILED).misses_budget


def test_the_smallest_comes_first(trial_of: TrialOf) -> None:
    """By measured size, not by the tree's order."""
    trials = [
        trial_of(Variant.INT8, 700),
        trial_of(Variant.FLOAT16, 500),
        trial_of(Variant.FLOAT32, 1000),
    ]
    ordered = [trial.candidate.variant for trial in by_size(trials)]
    assert ordered == [Variant.FLOAT16, Variant.INT8, Variant.FLOAT32]


def test_sizes_within_a_tenth_are_equal(trial_of: TrialOf) -> None:
    """The form that the target computes fastest wins against a few bytes; a tenth is no few."""
    trials = [
        trial_of(Variant.INT8, 550),
        trial_of(Variant.DYNAMIC_RANGE, 551),
        trial_of(Variant.WEIGHT_ONLY_INT8, 500),
    ]
    ordered = [trial.candidate.variant for trial in by_size(trials)]
    assert ordered == [Variant.INT8, Variant.WEIGHT_ONLY_INT8, Variant.DYNAMIC_RANGE]


def test_a_proven_one_goes_before_a_smaller_that_is_open(trial_of: TrialOf) -> None:
    """Nothing is claimed that a larger file could prove."""
    small = trial_of(Variant.INT8, 400, accuracy=UNPROVEN)
    large = trial_of(Variant.FLOAT32, 1000, accuracy=PASSED)
    assert chosen_of([small, large], requires_proof=False) is large


def test_an_open_one_is_chosen_only_where_proof_is_not_required(trial_of: TrialOf) -> None:
    """And a refused one never."""
    trials = [trial_of(Variant.INT8, accuracy=FAILED), trial_of(Variant.FLOAT16, runs=UNPROVEN)]
    assert chosen_of(trials, requires_proof=False) is trials[1]
    assert chosen_of(trials, requires_proof=True) is None
