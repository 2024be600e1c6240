"""Power cuts at every moment of a life: none breaks a promise, and every mutant is found out."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from faults import memory
from faults.mutants import MUTANTS
from faults.power.cut import Cut, Recording, faults_after_recovery, faults_at_rest
from faults.power.disk import Rule
from programs import requires_program

pytestmark = requires_program("strace", "apt-get install strace")

FEWEST_CUTS = 1000
RECOVERIES = 80
"""How many of the disks the next life works on here; ``make soak`` takes all of them."""


@pytest.fixture
def place() -> Iterator[Path]:
    with memory.folder() as made:
        yield made


def found(cuts: Iterator[Cut], place: Path) -> list[str]:
    """What is wrong at rest with any of the disks, up to the first one."""
    for cut in cuts:
        if wrong := faults_at_rest(cut, place / "disk"):
            return [f"{cut.rule}, after {cut.point} events: {fault}" for fault in wrong]
    return []


@pytest.mark.timeout(900)
def test_no_disk_breaks_a_promise(place: Path) -> None:
    """Whatever was not synced, nothing accepted is lost and every set is whole."""
    recording = Recording(place)
    cuts = list(recording.cuts())
    assert found(iter(cuts), place) == []
    assert len(cuts) > FEWEST_CUTS
    assert {cut.rule for cut in cuts} == set(Rule)


@pytest.mark.timeout(900)
def test_the_next_life_finishes_the_work(place: Path) -> None:
    """On any of the disks the daemon starts, does what was accepted, and leaves nothing over."""
    recording = Recording(place)
    wrong = []
    for cut in islice(recording.cuts(seed=1), RECOVERIES):
        wrong += faults_at_rest(cut, place / "disk")
        wrong += faults_after_recovery(cut, place / "disk", recording.models)
    assert wrong == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_found_out(place: Path, mutant: str) -> None:
    """A program that makes this mistake breaks a promise on some disk."""
    assert found(Recording(place, mutant).cuts(), place) != []
