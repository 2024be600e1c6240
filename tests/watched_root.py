"""A watched root for tests: what a ``SourceWatch`` reported, with the clock of this machine."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Self

from tflited.domain.hub import HubLimits
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Clock, Root
from tflited.settings.hub_file import read_reference
from tflited.sources.hub import HubModels
from tflited.sources.hub_cache import HubCache
from tflited.sources.recall import Recall
from tflited.sources.settle import Waits
from tflited.sources.watch import SourceWatch
from tflited.workers.hub import HubProcesses
from waiting import wait_until

DEADLINE_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 0.2
NEVER_SECONDS: Final = 600.0
"""Between whole scans that no hint asked for."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)


def offline_hub(clock: Clock, cache: Path) -> HubModels:
    """Hub references whose modules are never fetched."""
    fetcher = HubProcesses(HubLimits())
    return HubModels(
        clock=clock,
        cache=HubCache(clock, fetcher, cache, refresh_seconds=NEVER_SECONDS, is_offline=True),
        read=lambda file: read_reference(file, ()),
        settle_seconds=0.0,
    )


class Watched:
    """Any number of roots and what a watch reported of them."""

    def __init__(
        self,
        *roots: Root,
        cache: Path,
        scan_seconds: float = NEVER_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
        recall: Path | None = None,
    ) -> None:
        clock = SystemClock()
        self.roots = roots
        self.root = roots[0].path
        self.all: list[Observation | RootObservation] = []
        self.watch = SourceWatch(
            clock,
            self.all.append,
            waits=Waits(settle_seconds, settle_seconds),
            scan_interval_seconds=scan_seconds,
            hub=offline_hub(clock, cache),
            recall=Recall(recall),
        )

    def __enter__(self) -> Self:
        """Watches; the first whole scan of every root is over."""
        self.watch.start(self.roots)
        for root in self.roots:
            self.wait(partial(self.looks, root.name), f"the first look at {root.name}")
        return self

    def __exit__(self, *_: object) -> None:
        """Ends every thread."""
        self.watch.stop(DEADLINE_SECONDS)

    def of(self, path: str, root: str = "models") -> list[Observation]:
        """Every observation of a model, oldest first."""
        seen = [one for one in self.all.copy() if isinstance(one, Observation)]
        return [one for one in seen if (one.model.root, one.model.path) == (root, path)]

    def sights(self, path: str, root: str = "models") -> list[Sight]:
        """Every sight of a model, oldest first."""
        return [one.sight for one in self.of(path, root)]

    def looks(self, root: str = "models") -> list[RootObservation]:
        """Every look at a root, oldest first."""
        seen = [one for one in self.all.copy() if isinstance(one, RootObservation)]
        return [one for one in seen if one.root == root]

    def whole_looks(self, root: str = "models") -> int:
        """How many whole scans were told."""
        return sum(not one.scope and one.is_available for one in self.looks(root))

    def missed(self, root: str = "models") -> int:
        """How many changes no event announced."""
        return sum(one.missed for one in self.looks(root))

    def wait_for(self, path: str, sight: Sight, root: str = "models") -> Observation:
        """Waits until the newest observation of a model is such."""
        self.wait(lambda: self.sights(path, root)[-1:] == [sight], f"{path} {sight}")
        return self.of(path, root)[-1]

    def wait_for_digest(self, path: str, other_than: Observation) -> Observation:
        """Waits until a model was admitted with another digest."""

        def newest() -> Observation | None:
            seen = self.of(path)[-1]
            is_new = seen.sight is Sight.ADMITTED and seen.digest != other_than.digest
            return seen if is_new else None

        return (
            wait_until(newest, DEADLINE_SECONDS, what=f"{path} with another digest") or other_than
        )

    def wait_for_outage(self, root: str = "models") -> str:
        """Waits until a root is said not to be available; returns the reason."""
        self.wait(lambda: not self.looks(root)[-1].is_available, f"the outage of {root}")
        return self.looks(root)[-1].reason

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Waits for anything else."""
        wait_until(condition, DEADLINE_SECONDS, what=what)
