"""The engine's memory of roots and models."""

from dataclasses import replace

import pytest

from fakes.engine import World, an_observation
from fakes.samples import MODEL, NOON, after
from tflited.domain.model import FileIdentity
from tflited.domain.observation import RootObservation, Sight
from tflited.domain.status import UNBUILT, Action, Phase
from tflited.engine.decide import Decision
from tflited.engine.models import Entry

IDENTITY = FileIdentity(device=1, inode=2, size=3, mtime_ns=4, ctime_ns=5)
SEEN = RootObservation(root=MODEL.root, scope="", is_available=True, at=NOON)


def test_a_root_answers_with_its_first_whole_scan(world: World) -> None:
    """A look at a part of it is no answer."""
    state = world.models.roots[MODEL.root]
    world.models.take_root(replace(SEEN, scope="vision"))
    assert not state.has_answered
    world.models.take_root(SEEN)
    assert state.has_answered


def test_a_root_that_cannot_be_read_has_answered_too(world: World) -> None:
    """Otherwise one broken mount would stop every other root."""
    world.models.take_root(replace(SEEN, is_available=False, reason="not mounted"))
    assert world.models.roots[MODEL.root].has_answered
    assert world.models.root_statuses()[0].reason == "not mounted"


@pytest.mark.parametrize(
    ("now", "expected"), [(IDENTITY._replace(size=4), True), (IDENTITY, False)]
)
def test_a_changed_policy_file_is_noticed(world: World, now: FileIdentity, expected: bool) -> None:
    """An equal identity is no change."""
    world.models.take_root(replace(SEEN, policies={"a/.tflited.toml": IDENTITY}))
    assert world.models.take_root(replace(SEEN, policies={"a/.tflited.toml": now})) is expected


def test_a_scoped_look_forgets_only_what_lies_in_its_scope(world: World) -> None:
    """A policy removed in ``a`` is gone; the one in ``b`` was not looked at."""
    both = {"a/.tflited.toml": IDENTITY, "b/.tflited.toml": IDENTITY}
    world.models.take_root(replace(SEEN, policies=both, trouble={"a/x": "no", "b/x": "no"}))
    assert world.models.take_root(replace(SEEN, scope="a"))
    state = world.models.roots[MODEL.root]
    assert set(state.policies) == {"b/.tflited.toml"}
    assert set(state.trouble) == {"b/x"}


def test_what_is_polled_holds_for_all_below_it(world: World) -> None:
    """And for nothing beside it; the status names it."""
    world.models.take_root(replace(SEEN, polled={"far": "nfs4"}, unwatched=3))
    state = world.models.roots[MODEL.root]
    assert state.polled_because("far/net") == "nfs4"
    assert state.polled_because("farther") == ""
    status = world.models.root_statuses()[0]
    assert (dict(status.polled), status.unwatched) == ({"far": "nfs4"}, 3)


def test_models_are_counted_by_phase(world: World) -> None:
    """Every phase is there, so that a metric falls back to zero."""
    world.see(sight=Sight.HELD)
    counted = world.models.phases(MODEL.root)
    assert counted[Phase.HELD] == 1
    assert set(counted) == set(Phase)
    assert world.models.phases("other")[Phase.HELD] == 0


def test_a_model_without_a_decision_is_being_checked() -> None:
    """The first moment after it was seen."""
    assert Entry(an_observation()).status().phase is Phase.CHECKING


def test_the_end_of_settling_is_shown_only_while_it_settles(world: World) -> None:
    """An old promise would mislead."""
    world.see(sight=Sight.SETTLING, until=after(5))
    assert world.models.entries[MODEL].status().until == after(5)
    world.see(sight=Sight.HELD, until=after(5))
    assert world.models.entries[MODEL].status().until is None


def a_decision(phase: Phase, reason: str = "") -> Decision:
    """What is to be done with a model in a phase."""
    return Decision(phase=phase, action=Action.WAIT, reason=reason)


def test_a_change_is_unbuilt_until_it_is_published() -> None:
    """Its age counts from the first sight of it, through every phase on the way."""
    entry, since = Entry(an_observation()), []
    way = (Phase.SETTLING, Phase.QUEUED, Phase.BUILDING, Phase.PUBLISHED, Phase.SETTLING)
    for second, phase in enumerate(way):
        entry.take(a_decision(phase), after(second))
        since.append(entry.unbuilt_since)
    assert since == [after(0), after(0), after(0), None, after(4)]


@pytest.mark.parametrize("phase", sorted(set(Phase) - UNBUILT))
def test_what_waits_for_a_person_does_not_age(phase: Phase) -> None:
    """A refused model would otherwise be the oldest one for ever."""
    entry = Entry(an_observation())
    entry.take(a_decision(Phase.SETTLING), after(1))
    entry.take(a_decision(phase), after(2))
    assert entry.unbuilt_since is None


def test_the_same_phase_for_the_same_reason_is_no_news() -> None:
    """It keeps the time at which the model entered it."""
    entry = Entry(an_observation())
    assert entry.take(a_decision(Phase.QUEUED, "a"), after(1))
    assert not entry.take(a_decision(Phase.QUEUED, "a"), after(2))
    assert entry.since == after(1)
    assert entry.take(a_decision(Phase.QUEUED, "b"), after(3))
    assert entry.since == after(3)


def test_the_oldest_change_of_a_root_is_the_earliest(world: World) -> None:
    """None while everything is built."""
    assert world.models.oldest_unbuilt(MODEL.root) is None
    for path, seconds in (("a", 2), ("b", 1), ("c", 3)):
        model = replace(MODEL, path=path)
        entry = world.models.put(Entry(an_observation(model=model)))
        entry.take(a_decision(Phase.QUEUED), after(seconds))
    assert world.models.oldest_unbuilt(MODEL.root) == after(1)
