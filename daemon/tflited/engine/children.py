"""The children of one attempt: runs one after the other, notes where each was and what it said."""

from dataclasses import dataclass, field
from threading import Event
from typing import Final

from tflited.domain.attempt import (
    AttemptLimits,
    AttemptOutcome,
    AttemptRequest,
    AttemptResult,
    ChildRecord,
    ChildTask,
)
from tflited.domain.policy import Variant
from tflited.domain.ports import Clock, Executor, Progress
from tflited.domain.report import Stage

_ON_VARIANTS: Final = frozenset({Stage.QUANTISE, Stage.PROVE, Stage.PROFILE})
"""Stages that name the variant they are about."""
_DEATHS: Final = frozenset({AttemptResult.CRASH, AttemptResult.LIMIT, AttemptResult.TIMEOUT})


@dataclass(slots=True, kw_only=True)
class Children:
    """Runs the children of one attempt, in the thread of its slot.

    Attributes:
        executor: runs one.
        clock: time.
        limits: what each may use.
        progress: told about stages as they begin.
        cancel: asks for the end of the one that runs.
        records: of those that ended.
    """

    executor: Executor
    clock: Clock
    limits: AttemptLimits
    progress: Progress
    cancel: Event
    records: list[ChildRecord] = field(default_factory=list)
    _stage: Stage = Stage.START
    _detail: str = ""

    def run(self, request: AttemptRequest) -> AttemptOutcome:
        """Runs a child to its end."""
        self._stage, self._detail = Stage.START, ""
        began = self.clock.monotonic()
        outcome = self.executor.run_attempt(request, self.limits, self._follow, self.cancel)
        self.records.append(
            ChildRecord(
                task=ChildTask.PROVE if request.evidence else ChildTask.CONVERT,
                given_up=tuple(request.given_up),
                result=outcome.result,
                failure=outcome.failure,
                seconds=self.clock.monotonic() - began,
                said=outcome.noise,
            )
        )
        return outcome

    def culprit(self, outcome: AttemptOutcome) -> Variant | None:
        """The variant whose making or proof ended the last child; None where it was another thing.

        Want of memory is no variant's own fault, and without its float32 file nothing can be made.
        """
        has_died = outcome.result in _DEATHS
        is_memory = outcome.failure is not None and outcome.failure.code == "out_of_memory"
        name = self._detail.partition(" ")[0]
        is_variant = name in set(Variant) - {Variant.FLOAT32}
        if has_died and not is_memory and self._stage in _ON_VARIANTS and is_variant:
            return Variant(name)
        return None

    def _follow(self, stage: Stage, detail: str) -> None:
        self._stage, self._detail = stage, detail
        self.progress(stage, detail)
