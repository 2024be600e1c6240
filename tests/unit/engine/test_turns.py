"""Which models a whole scan decides anew."""

import pytest

from fakes.samples import NOON
from tflited.domain.model import ModelId, ModelKind, Snapshot
from tflited.domain.observation import Observation, Sight
from tflited.domain.status import Action, Phase
from tflited.engine import turns
from tflited.engine.decide import Decision
from tflited.engine.models import Entry
from tflited.engine.turns import Turns


def entry(name: str, phase: Phase) -> Entry:
    seen = Observation(
        model=ModelId(root="zoo", path=name),
        snapshot=Snapshot(kind=ModelKind.KERAS, files=()),
        sight=Sight.ADMITTED,
        at=NOON,
    )
    return Entry(seen, Decision(phase=phase, action=Action.NOTHING, reason=""))


def test_published_models_take_turns_and_the_others_are_always_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every published model has its turn before any has its second."""
    monkeypatch.setattr(turns, "TURN", 2)
    entries = [entry(f"p{number}", Phase.PUBLISHED) for number in range(3)]
    entries.append(entry("failed", Phase.FAILED))
    taker = Turns()
    taken = [{model.path for model in taker.take("zoo", entries)} for _ in range(3)]
    assert taken == [{"p0", "p1", "failed"}, {"p2", "failed"}, {"p0", "p1", "failed"}]


def test_few_models_have_a_turn_each_time() -> None:
    """A set that other hands took away is found by the next whole scan."""
    entries = [entry("one", Phase.PUBLISHED)]
    taker = Turns()
    assert [len(taker.take("zoo", entries)) for _ in range(2)] == [1, 1]
