"""Gives each test of the engine an engine of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.engine import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()
