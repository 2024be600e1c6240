"""The table of known failures: every entry can be reached, and every hint can be acted on."""

import re

import pytest

from tflited.convert.faults import hints
from tflited.convert.faults.explain import explain
from tflited.settings.schema import PolicyTable
from tflited.telemetry.metrics.reasons import REASONS

POLICY_LINE = re.compile(r"\b([a-z_]+) = ")
KEYS = {*PolicyTable.model_fields, "data"}


@pytest.mark.parametrize("known", hints.HINTS, ids=lambda hint: hint.code)
def test_every_fragment_leads_to_its_own_hint(known: hints.Hint) -> None:
    """No entry of the table is hidden by an earlier one."""
    for fragment in known.fragments:
        assert explain(ValueError(fragment), subject="x").code == known.code


def test_codes_are_unique() -> None:
    """One code, one failure."""
    codes = [hint.code for hint in hints.HINTS]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("known", hints.HINTS, ids=lambda hint: hint.code)
def test_a_hint_names_keys_that_exist(known: hints.Hint) -> None:
    """A policy line that a hint tells to write is one that the policy takes."""
    assert set(POLICY_LINE.findall(known.text)) <= KEYS


@pytest.mark.parametrize(
    "code",
    [
        "needs_select_ops",
        "tensor_list_dynamic",
        "not_runnable_here",
        "needs_calibration",
        "calibration_source",
        "no_int16x8_kernel",
        "integer_io",
        "no_signature",
        "tags",
        "stateful_call",
        "kernel_type",
    ],
)
def test_what_the_policy_can_mend_is_told_as_its_line(code: str) -> None:
    """The reader copies one line instead of looking for the key."""
    (known,) = {hint for hint in (*hints.HINTS, hints.STATEFUL_CALL) if hint.code == code}
    assert POLICY_LINE.search(known.text)


def test_every_code_has_its_series() -> None:
    """Failures are counted by their code."""
    codes = {hint.code for hint in (*hints.HINTS, *hints.BY_ERROR_CODE.values())}
    assert codes | {hints.UNKNOWN_CODE} <= set(REASONS)
