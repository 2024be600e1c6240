"""One root's thread without its thread: ticks that the test makes, on a clock that it moves."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

import pytest

from model_trees import saved_model, write
from tflited.domain.model import ModelId
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Root
from tflited.sources.emitter import HintKind
from tflited.sources.hints import Hint
from tflited.sources.hub import HubModels
from tflited.sources.recall import Recall
from tflited.sources.root_watch import Doubt, RootWatch, Surroundings
from tflited.sources.settle import Waits
from watched_root import SystemClock


class HandClock(SystemClock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        """What the test says."""
        return self.seconds


class Blind:
    """A root watch without hints."""

    def __init__(self, root: Root, hub: HubModels, clock: HandClock, recall: Recall) -> None:
        self.all: list[Observation | RootObservation] = []
        self.root, self.clock = root.path, clock
        shared = Surroundings(
            clock=clock,
            receive=self.all.append,
            waits=Waits(settle_seconds=5.0, whole_seconds=5.0),
            scan_interval_seconds=600.0,
            recall=recall,
            hub=hub,
            hub_lock=Lock(),
        )
        self.watch = RootWatch(root, (root.path,), shared)
        self.watch._looker.known = dict(recall.models(root.name))

    def tick(self, seconds: float = 0.0) -> float:
        """Lets time pass, then does what is due."""
        self.clock.seconds += seconds
        return self.watch.tick()

    def sights(self, path: str) -> list[Sight]:
        """Every sight of a model, oldest first."""
        model = ModelId(root="models", path=path)
        seen = [one for one in self.all if isinstance(one, Observation)]
        return [one.sight for one in seen if one.model == model]


MakeBlind = Callable[..., Blind]


@pytest.fixture
def make_blind(
    root: Root, make_hub: Callable[..., HubModels], monkeypatch: pytest.MonkeyPatch
) -> MakeBlind:
    monkeypatch.setattr("tflited.sources.hints.HintWatcher.ensure", lambda _: False)

    def made(recall: Recall | None = None, *, follow_links: bool = False) -> Blind:
        clock = HandClock()
        watched = Root(name=root.name, path=root.path, follow_links=follow_links)
        return Blind(watched, make_hub(clock), clock, recall or Recall())

    return made


def test_a_lost_removal_of_several_settling_models(make_blind: MakeBlind) -> None:
    """The look at the first finds that the second is gone, too."""
    blind = make_blind()
    for name in ("one", "two", "stays"):
        saved_model(blind.root / "vision" / name)
    blind.tick()
    for name in ("one", "two"):
        (blind.root / "vision" / name).rename(blind.root.parent / name)
    blind.tick(6.0)
    assert [blind.sights(f"vision/{name}")[-1] for name in ("one", "two")] == [Sight.GONE] * 2


def test_an_outage_while_settling_is_no_refusal(make_blind: MakeBlind) -> None:
    """A root that cannot be read says nothing about its models."""
    blind = make_blind()
    saved_model(blind.root / "net")
    blind.tick()
    blind.root.rename(blind.root.with_name("away"))
    blind.tick(6.0)
    assert blind.sights("net") == [Sight.SETTLING]


def test_a_restart_admits_what_has_not_changed_without_opening_it(
    make_blind: MakeBlind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither settling nor reading; a model that changed meanwhile does both."""
    recall = Recall()
    before = make_blind(recall)
    for name in ("same", "changed"):
        saved_model(before.root / name)
    before.tick()
    before.tick(6.0)
    assert before.sights("same")[-1] is Sight.ADMITTED
    write(before.root / "changed" / "assets" / "note")
    opened: list[Path] = []
    after = make_blind(recall)
    monkeypatch.setattr("tflited.sources.digest.file_digest", opened.append)
    monkeypatch.setattr("tflited.sources.rest.admit", lambda path, _: opened.append(path))
    after.tick()
    assert after.sights("same") == [Sight.ADMITTED]
    assert after.sights("changed") == [Sight.SETTLING]
    assert opened == []


def test_a_doubted_model_is_settled_and_read_again(make_blind: MakeBlind) -> None:
    """Although every identity is the same; and it still counts as known in an outage."""
    blind = make_blind()
    saved_model(blind.root / "net")
    blind.tick()
    blind.tick(6.0)
    blind.watch._take(Doubt("net"))
    blind.tick()
    blind.tick(6.0)
    expected = [Sight.SETTLING, Sight.ADMITTED, Sight.SETTLING, Sight.ADMITTED]
    assert blind.sights("net") == expected


def test_a_change_that_no_event_announced_is_counted_and_polled(make_blind: MakeBlind) -> None:
    """Blind as this root is, the next change is found by a poll, and counts no more."""
    blind = make_blind()
    saved_model(blind.root / "net")
    blind.tick()
    blind.tick(6.0)
    write(blind.root / "net" / "assets" / "note")
    blind.tick(600.0)
    blind.tick(3.0)
    looks = [one for one in blind.all if isinstance(one, RootObservation)]
    assert [one.missed for one in looks if one.missed] == [1]
    assert looks[-1].polled == {"": "it changed without an event"}
    write(blind.root / "net" / "assets" / "other")
    blind.tick(5.1)
    assert blind.sights("net")[-1] is Sight.SETTLING
    blind.tick(5.1)
    assert sum(one.missed for one in blind.all if isinstance(one, RootObservation)) == 1


def test_another_name_for_a_file_is_no_missed_change(make_blind: MakeBlind) -> None:
    """A hard link from outside changes the ctime and nothing else."""
    blind = make_blind()
    folder = saved_model(blind.root / "net")
    blind.tick()
    (blind.root.parent / "link").hardlink_to(folder / "saved_model.pb")
    blind.tick(600.0)
    blind.tick(3.0)
    assert not any(one.missed for one in blind.all if isinstance(one, RootObservation))


def test_links_are_followed_into_roots_only_and_polled(
    make_blind: MakeBlind, tmp_path: Path
) -> None:
    """The flip of a link is found; loops and links to elsewhere are trouble."""
    blind = make_blind(follow_links=True)
    for number in (1, 2):
        saved_model(blind.root / f"..v{number}" / "net", data_bytes=100 * number)
    data = blind.root / "..data"
    data.symlink_to("..v1")
    (blind.root / "net").symlink_to("..data/net")
    (blind.root / "loop").symlink_to(blind.root)
    (blind.root / "out").symlink_to(saved_model(tmp_path / "outside"))
    blind.tick()
    blind.tick(6.0)
    assert blind.sights("net") == [Sight.SETTLING, Sight.ADMITTED]
    look = next(one for one in blind.all if isinstance(one, RootObservation))
    assert set(look.polled) == {"net"}
    assert "outside every root" in look.trouble["out"]
    assert "it lies in" in look.trouble["loop"]
    flipped = blind.root / "..next"
    flipped.symlink_to("..v2")
    flipped.rename(data)
    blind.tick(5.1)
    assert blind.sights("net")[-1] is Sight.SETTLING


def test_a_flood_of_hints_is_looked_at_now_and_then(
    make_blind: MakeBlind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that it announced is forgotten meanwhile."""
    blind = make_blind()
    blind.tick()
    monkeypatch.setattr("tflited.sources.root_watch.MOST_SCOPES", 1)
    blind.watch._pace.flood_due = blind.clock.seconds + 10.0
    for name in ("one", "two"):
        saved_model(blind.root / name)
        blind.watch._take(Hint(path=name))
    blind.tick()
    assert blind.sights("one") == []
    blind.tick(10.1)
    assert [blind.sights(name) for name in ("one", "two")] == [[Sight.SETTLING]] * 2


def test_what_events_told_is_counted_once(make_blind: MakeBlind) -> None:
    """Each look tells what was heard since the last one: places, overflows, ends of watches."""
    blind = make_blind()
    blind.tick()
    for kind in (HintKind.CHANGED, HintKind.CHANGED, HintKind.OVERFLOW, HintKind.LOST):
        blind.watch._take(Hint(path="", kind=kind))
    blind.tick(60.0)
    blind.tick(600.0)
    looks = [one for one in blind.all if isinstance(one, RootObservation)]
    told = [(one.events, one.overflows, one.errors) for one in looks]
    assert told == [(0, 0, 0), (2, 1, 1), (0, 0, 0)]


def test_two_looks_are_told_apart(make_blind: MakeBlind, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does next to nothing is progress too: else two in a row look like one that hangs."""
    blind = make_blind()
    seen: list[int | None] = []
    monkeypatch.setattr(blind.watch, "_look", lambda: seen.append(blind.watch.beats))
    blind.tick()
    blind.tick()
    assert seen[0] is not None
    assert seen[0] != seen[1]
    assert blind.watch.beats is None
