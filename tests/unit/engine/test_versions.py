"""Numbered versions beside each other: which are built, and what stays."""

import pytest

from fakes.engine import World, an_end
from fakes.samples import MODEL
from tflited.domain.attempt import AttemptResult
from tflited.domain.job import JobState
from tflited.domain.model import ModelId
from tflited.domain.observation import Sight
from tflited.domain.policy import Policy, Versions
from tflited.domain.status import Phase

NEWEST = Policy(versions=Versions.NEWEST)


def version(name: str, folder: str = "net") -> ModelId:
    """One version."""
    return ModelId(root=MODEL.root, path=f"{folder}/{name}")


def see(world: World, *names: str, **changes: object) -> None:
    """Sees versions, each with a content of its own, and builds what is to be built."""
    world.scan()
    for name in names:
        world.see(name, model=version(name), **changes)
        world.run()


def phases(world: World) -> dict[str, Phase]:
    """Each version's phase."""
    known = world.models.entries.items()
    return {model.path.partition("/")[2]: entry.status().phase for model, entry in known}


def published(world: World) -> list[str]:
    """The versions with a set."""
    return [manifest.path.partition("/")[2] for manifest in world.publisher.manifests()]


def test_every_version_is_built_by_default(world: World) -> None:
    """Numbered folders need not be versions of one another."""
    see(world, "1", "2")
    assert published(world) == ["1", "2"]


def test_a_newer_version_takes_over_and_the_older_set_stays(world: World) -> None:
    """Numbers are compared, not names."""
    world.resolver.policy = NEWEST
    see(world, "9", "10")
    assert phases(world) == {"9": Phase.OLDER, "10": Phase.PUBLISHED}
    assert published(world) == ["10", "9"]
    answer = world.explainer().why(str(version("9")))
    assert f"a newer version is there: {version('10')}" in answer.summary


def test_an_older_version_that_comes_later_is_not_built(world: World) -> None:
    """Its content is new, and still it is not the newest."""
    world.resolver.policy = NEWEST
    see(world, "2", "1")
    assert phases(world) == {"1": Phase.OLDER, "2": Phase.PUBLISHED}
    assert published(world) == ["2"]


def test_a_queued_build_of_an_older_version_is_dropped(world: World) -> None:
    """No slot works on what a newer version has replaced."""
    world.resolver.policy = NEWEST
    world.executor.is_ready = False
    see(world, "1", "2")
    assert world.states() == [JobState.SUPERSEDED, JobState.QUEUED]


@pytest.mark.parametrize("sight", [Sight.SETTLING, Sight.REFUSED, Sight.HELD])
def test_a_version_that_is_not_whole_is_not_the_newest(world: World, sight: Sight) -> None:
    """The last good one is built and kept until then."""
    world.resolver.policy = NEWEST
    see(world, "1")
    see(world, "2", sight=sight, digest=None)
    assert phases(world)["1"] is Phase.PUBLISHED
    world.see("1 again", model=version("1"))
    world.run()
    assert world.states() == [JobState.PUBLISHED, JobState.PUBLISHED]


def test_where_the_newest_fails_the_one_before_is_built(world: World) -> None:
    """Also where it was never built: some version is better than none."""
    world.resolver.policy = NEWEST
    see(world, "2")
    world.executor.script = [an_end(AttemptResult.ERROR)]
    see(world, "3")
    see(world, "1")
    assert phases(world) == {"1": Phase.OLDER, "2": Phase.PUBLISHED, "3": Phase.FAILED}


def test_a_failed_newest_lets_a_waiting_one_go(world: World) -> None:
    """It was older while the newest looked well."""
    world.resolver.policy = NEWEST
    world.executor.is_ready = False
    see(world, "1", "2")
    world.executor.script = [an_end(AttemptResult.ERROR)]
    world.executor.is_ready = True
    world.run()
    world.run()
    assert phases(world) == {"1": Phase.PUBLISHED, "2": Phase.FAILED}


def test_where_the_newest_goes_the_one_before_counts(world: World) -> None:
    """A version taken back is a version that was never there."""
    world.resolver.policy = NEWEST
    see(world, "2", "1")
    world.see(model=version("2"), sight=Sight.GONE, digest=None)
    world.run()
    assert phases(world) == {"1": Phase.PUBLISHED}


def test_of_two_names_for_one_number_the_shorter_counts(world: World) -> None:
    """``1`` and ``001`` are one version, and only one of them is built."""
    world.resolver.policy = NEWEST
    see(world, "001", "1")
    assert phases(world) == {"001": Phase.OLDER, "1": Phase.PUBLISHED}


def test_versions_of_other_models_are_strangers(world: World) -> None:
    """Only folders beside each other are versions of one model."""
    world.resolver.policy = NEWEST
    see(world, "1")
    world.see("x", model=version("2", "other"))
    world.run()
    assert {entry.status().phase for entry in world.models.entries.values()} == {Phase.PUBLISHED}
