"""Durable calls that fail or are the last: a spread here, every one of them in ``make soak``."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import memory
from faults.calls.inject import Fault, Point, Scene, run
from programs import requires_program

pytestmark = requires_program("strace", "apt-get install strace")

SAMPLE = 16
FEWEST_CALLS = 300


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with memory.folder() as made:
        yield Scene(made)


@pytest.fixture(scope="module")
def points(scene: Scene) -> list[Point]:
    return scene.points()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", Fault)
def test_a_call_that_fails_loses_nothing(scene: Scene, points: list[Point], fault: Fault) -> None:
    """The promises hold at once, and the next life does what is left."""
    of_fault = [point for point in points if point.fault is fault]
    chosen = random.Random(fault).sample(of_fault, SAMPLE)  # noqa: S311 - repeatable, not secret
    assert run(chosen, scene) == []
    assert len(of_fault) > FEWEST_CALLS


def test_a_failed_sync_ends_the_daemon(tmp_path: Path, scene: Scene) -> None:
    """An fsync that met an input/output error is not tried again: the daemon asks for a restart."""
    place = scene.copy("failed sync")
    assert scene.live(place, "inject=fsync:error=EIO:when=12") == 1
    assert "StorageFailedError" in (place / "noise").read_text()
