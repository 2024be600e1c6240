"""The one error tree."""

from collections.abc import Iterator

import pytest

from tflited import errors
from tflited.errors import (
    ConfigurationError,
    ConversionError,
    Problem,
    ProofError,
    TflitedError,
    UsageError,
)


def tree(above: type[TflitedError] = TflitedError) -> Iterator[type[TflitedError]]:
    """Every class of the tree in its own module."""
    yield above
    for below in above.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from tree(below)


TREE = list(tree())


def test_every_class_has_a_code_of_its_own() -> None:
    """Codes are labels of metrics: two errors under one label could not be told apart."""
    codes = [kind.code for kind in TREE]
    assert len(set(codes)) == len(codes) > 10


@pytest.mark.parametrize("kind", TREE)
def test_exit_codes_are_the_documented_ones(kind: type[TflitedError]) -> None:
    """1 failure, 2 usage, 3 cannot start."""
    assert kind.exit_code in {1, 2, 3}


def test_only_what_heals_by_itself_is_retryable() -> None:
    """Waiting helps against these and no other."""
    assert {kind.code for kind in TREE if kind.retryable} == {
        "broker",
        "over_capacity",
        "source_changed",
        "transfer",
        "transfer_full",
        "worker",
        "storage_paused",
    }


def test_what_keeps_the_daemon_from_starting_says_so_to_systemd() -> None:
    """The unit does not restart on 3."""
    assert {kind.code for kind in TREE if kind.exit_code == 3} == {
        "configuration",
        "cannot_start",
        "store",
    }


def test_the_hint_follows_the_message() -> None:
    """One line that says what failed and what to do."""
    assert str(UsageError("It failed.", hint="do this")) == "It failed. Next: do this"
    assert str(UsageError("It failed.")) == "It failed."


def test_a_conversion_error_may_carry_its_own_code() -> None:
    """And leaves the class's code to the next one."""
    assert ConversionError("No.", code="unsupported_operator").code == "unsupported_operator"
    assert ConversionError("No.").code == "conversion"
    assert ProofError("No.").code == "baseline_mismatch"


def test_a_configuration_error_names_every_problem() -> None:
    """All of them at once, one on each line."""
    first = Problem(file="a.toml", key="jobs", observed="-1", allowed="1 or more")
    second = Problem(
        file="a.toml",
        key="varients",
        observed="an unknown key",
        allowed="a key",
        suggestion="variants",
    )
    error = ConfigurationError((first, second))
    assert str(error).splitlines() == [
        "2 problems in the configuration:",
        "  a.toml: jobs: observed -1, allowed 1 or more",
        "  a.toml: varients: observed an unknown key, allowed a key; did you mean 'variants'?",
    ]
    assert str(ConfigurationError((first,))).startswith("1 problem in")
    assert error.problems == (first, second)
