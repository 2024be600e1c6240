"""Owns the order of an attempt's children: one converts, another proves what it left."""

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest
from tflited.domain.ports import Clock, Executor, Progress
from tflited.domain.report import BuildReport
from tflited.domain.second_proof import agreed
from tflited.durable import storage_errors
from tflited.engine.children import Children


@dataclass(frozen=True, slots=True)
class ProvingExecutor:
    """Implements Executor over one that runs single children on the same machine.

    What it reports was proven twice: by the child that converted and by one that opened no model.

    Attributes:
        single: runs each child.
        clock: time.
    """

    single: Executor
    clock: Clock

    @property
    def is_ready(self) -> bool:
        """Whether a child could start at once."""
        return self.single.is_ready

    def run_attempt(
        self, request: AttemptRequest, limits: AttemptLimits, progress: Progress, cancel: Event
    ) -> AttemptOutcome:
        """Runs a child, and another one without the variant that ended it: it costs no other.

        Args:
            request: what to build; a folder ``proof`` beside its scratch folder is made anew.
            limits: of each child.
            progress: told about the stages of every child.
            cancel: when set, the present child is killed.

        Raises:
            StoragePausedError: no room beside the scratch folder.
        """
        children = Children(
            executor=self.single,
            clock=self.clock,
            limits=limits,
            progress=progress,
            cancel=cancel,
        )
        while True:
            outcome = children.run(request)
            if outcome.report is not None:
                proof = children.run(_proof(request))
                outcome = _together(outcome, outcome.report, proof)
            variant = children.culprit(outcome)
            if variant is None or variant in request.given_up:
                return replace(outcome, children=tuple(children.records))
            reason = outcome.failure.message if outcome.failure else outcome.result.value
            request = replace(request, given_up={**request.given_up, variant: reason})
            shutil.rmtree(request.scratch)
            Path(request.scratch).mkdir()


def _proof(request: AttemptRequest) -> AttemptRequest:
    """Asks for a proof of what a child left, in a folder of its own and without the model."""
    own = Path(request.scratch).with_name("proof")
    shutil.rmtree(own, ignore_errors=True)
    with storage_errors(own):
        own.mkdir()
    return replace(
        request,
        evidence=request.scratch,
        scratch=str(own),
        model="",
        calibration=(),
        custom_objects=(),
    )


def _together(made: AttemptOutcome, report: BuildReport, proof: AttemptOutcome) -> AttemptOutcome:
    seconds = Counter(made.stage_seconds)
    seconds.update(proof.stage_seconds)
    return replace(
        proof,
        report=None if proof.report is None else agreed(report, proof.report),
        stage_seconds=seconds,
        peak_rss_bytes=max(made.peak_rss_bytes, proof.peak_rss_bytes),
        sandbox=made.sandbox,
    )
