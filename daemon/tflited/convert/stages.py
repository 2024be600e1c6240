"""Tells the progress of a build and adds up where its time goes."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tflited.domain.report import Stage

Progress = Callable[[Stage, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Tells the progress and adds up where the time goes.

    Attributes:
        progress: told at the beginning of each stage, with a detail.
        seconds: stage to seconds so far.
    """

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def entered(self, stage: Stage, detail: str) -> Iterator[None]:
        """Counts the time of the block for the stage, also where it raises."""
        self.progress(stage, detail)
        started = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - started
            self.seconds[stage.value] = self.seconds.get(stage.value, 0.0) + spent
