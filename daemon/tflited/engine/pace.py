"""The loop breaker: how often a model that never rests may be built."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tflited.domain.job import TriggerSource
from tflited.domain.model import ModelId
from tflited.domain.ports import Clock, JobStore

_HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class Pace:
    """Counts the builds that a model's changes began; what a trigger asks for is never held back.

    Attributes:
        builds_per_hour: most of them; 0 for any number.
    """

    store: JobStore
    clock: Clock
    builds_per_hour: int = 60

    def free_at(self, model: ModelId) -> datetime | None:
        """When the model may be built again, aware UTC; None for now."""
        if not self.builds_per_hour:
            return None
        since = self.clock.now() - _HOUR
        # Jobs that were superseded before a slot was free cost nothing and do not count.
        begun = sorted(
            job.started_at
            for job in self.store.jobs(model=model, limit=4 * self.builds_per_hour)
            if job.trigger is TriggerSource.WATCH and job.started_at and job.started_at > since
        )
        if len(begun) < self.builds_per_hour:
            return None
        return begun[-self.builds_per_hour] + _HOUR
