"""Metrics of what converts: slots by what they do, ends of children, starts of the zygote."""

from collections.abc import Callable
from functools import partial
from typing import Final

from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.status import SlotState
from tflited.telemetry.metrics.declare import Declare

_DEATHS: Final = ("out_of_memory", "native_abort", "bad_reply")
"""Failure codes that tell more than that a child crashed."""


class WorkerMetrics:
    """Slots, children and the zygote on this machine; implements the ChildRecorder port.

    Args:
        declare: declares them.
        slots: how many attempts may run at once.
    """

    def __init__(self, declare: Declare, slots: int) -> None:
        declare.gauge("tflited_slots", "Attempts that may run at once.").set(slots)
        self._states = declare.gauge("tflited_workers", "Slots by what they do.", result=SlotState)
        self._ends = declare.counter(
            "tflited_child_exits", "Children that ended.", reason=(*AttemptResult, *_DEATHS)
        )
        self._starts = declare.histogram(
            "tflited_zygote_start_duration_seconds",
            "From start to ready, or to its end before.",
            result=("success", "failure"),
        )

    def show(self, count: Callable[[SlotState], float]) -> None:
        """Tells whom each exposition asks how many slots are in a state; it answers at once."""
        for state in SlotState:
            self._states.labels(state).set_function(partial(count, state))

    def child_ended(self, outcome: AttemptOutcome) -> None:
        """A child ended; an attempt has two or more."""
        code = outcome.failure.code if outcome.failure else ""
        is_told = outcome.result is AttemptResult.CRASH and code in _DEATHS
        self._ends.labels(code if is_told else outcome.result).inc()

    def zygote_started(self, seconds: float, *, is_ready: bool) -> None:
        """A zygote was ready, or ended before it was, after so many seconds."""
        self._starts.labels("success" if is_ready else "failure").observe(seconds)
