"""Fixtures for tests of the sources."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tflited.domain.hub import HubLimits
from tflited.domain.ports import Clock, Root
from tflited.settings.hub_file import read_reference
from tflited.sources.hub import HubModels
from tflited.sources.hub_cache import HubCache
from tflited.workers.hub import HubProcesses

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = 86_400.0
MakeHub = Callable[..., HubModels]


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        """What was moved."""
        return self.seconds

    def now(self) -> datetime:
        """Noon and what was moved."""
        return NOON + timedelta(seconds=self.seconds)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """An empty root."""
    folder = tmp_path / "models"
    folder.mkdir()
    return Root(name="models", path=folder)


@pytest.fixture
def moved_clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def make_hub(tmp_path: Path, root: Root) -> MakeHub:
    """Hub models over a real fetching process and a cache below the test's folder."""

    def made(
        clock: Clock,
        *hosts: str,
        refresh_seconds: float = DAY,
        settle_seconds: float = 0.0,
        is_offline: bool = False,
    ) -> HubModels:
        cache = HubCache(
            clock,
            HubProcesses(HubLimits(hosts=hosts)),
            tmp_path / "cache",
            refresh_seconds=refresh_seconds,
            is_offline=is_offline,
        )
        return HubModels(
            clock=clock,
            cache=cache,
            read=lambda file: read_reference(file, hosts),
            settle_seconds=settle_seconds,
            roots=(root,),
        )

    return made
