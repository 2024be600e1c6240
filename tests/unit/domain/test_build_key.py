"""The build key: what it depends on, and what it tells apart."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.domain.build_key import BuildKey, combine
from tflited.domain.model import Digest

KEY = BuildKey(
    model=combine("model"),
    policy=combine("policy"),
    data=combine("data"),
    toolchain=combine("toolchain"),
)
any_text = st.text(st.characters(exclude_categories=[]), max_size=8)


@given(st.lists(any_text, max_size=4), st.lists(any_text, max_size=4))
def test_equal_parts_and_only_they_give_equal_digests(first: list[str], second: list[str]) -> None:
    """Parts never run into each other, also where names are no Unicode."""
    assert (combine(*first) == combine(*second)) == (first == second)


def test_parts_do_not_run_into_each_other() -> None:
    """The case that joining by hand gets wrong."""
    assert combine("ab", "c") != combine("a", "bc")
    assert combine("a", "") != combine("a")


def test_bytes_of_a_name_are_not_taken_for_the_name_they_spell() -> None:
    """Undecodable bytes that would be valid together stay different from the valid name."""
    assert combine("\udcc3\udca9") != combine("é")


def test_a_digest_is_stable_across_releases() -> None:
    """A changed digest would rebuild every tree in the field; computed with sha256sum."""
    assert combine("a", "é") == "9ad218bf27a0c264888ffe9e81250279bec06d245b5fc445965a7a257031da81"


@pytest.mark.parametrize("part", ["model", "policy", "data", "toolchain"])
def test_every_part_counts(part: str) -> None:
    """A change of any part is another build."""
    assert replace(KEY, **{part: combine("other")}).value != KEY.value


@pytest.mark.parametrize("part", ["model", "policy", "data"])
def test_the_input_key_counts_what_the_user_gave(part: str) -> None:
    """A change of the input is more than staleness."""
    assert replace(KEY, **{part: combine("other")}).input_key != KEY.input_key


def test_an_upgrade_alone_keeps_the_input_key() -> None:
    """Equal here and unequal in the build key is what stale means."""
    upgraded = replace(KEY, toolchain=combine("newer"))
    assert upgraded.input_key == KEY.input_key
    assert upgraded.value != KEY.value


def test_parts_are_not_interchangeable() -> None:
    """A model digest in the policy's place is another key."""
    swapped = replace(KEY, model=Digest(KEY.policy), policy=Digest(KEY.model))
    assert swapped.value != KEY.value


def test_the_toolchain_does_not_depend_on_order() -> None:
    """Versions are compared by name; another version is another key with the same input."""

    def of(toolchain: dict[str, str]) -> BuildKey:
        part = Digest("0" * 64)
        return BuildKey.of(model=part, policy=part, data=part, toolchain=toolchain)

    assert of({"a": "1", "b": "2"}) == of({"b": "2", "a": "1"})
    assert of({"a": "1"}).value != of({"a": "2"}).value
    assert of({"a": "1"}).input_key == of({"a": "2"}).input_key
