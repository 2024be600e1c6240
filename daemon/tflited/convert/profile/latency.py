"""Times invocations of a finished file with LiteRT, on this host and at a bounded cost."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tflited.convert.data.reference import Reference
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.run import invocation
from tflited.convert.quantising.quantise import Made
from tflited.convert.stages import Stages
from tflited.convert.tflite.flatbuffer import Flatbuffer
from tflited.domain.attempt import AttemptRequest
from tflited.domain.policy import Variant
from tflited.domain.profile import Latency
from tflited.domain.report import Stage
from tflited.errors import ConversionError

WARM_UPS: Final = 2
"""Invocations before the first that counts: kernels prepare themselves in the first one."""
MOST_SECONDS: Final = 0.5
"""Of a file's timed invocations, and of its warm-up: where that takes so long already, as it may
with int16x8, for which hosts have no fast kernels, the warm-up is what is told."""


@dataclass(frozen=True)
class Stopwatch:
    """Measures each file once, whichever variants it is published as.

    Attributes:
        request: its policy says how many invocations, and with how many threads.
        reference: gives the first sample, which every invocation takes.
        stages: told of each measurement.
    """

    request: AttemptRequest
    reference: Reference
    stages: Stages
    known: dict[str, Latency] = field(default_factory=dict)

    def latency(self, variant: Variant, made: Made, file: Measured) -> Latency | None:
        """The latency of a file, or the reason why there is none; None where none is asked."""
        if not self.request.policy.profile.enabled:
            return None
        key = hashlib.sha256(made.content).hexdigest()
        if key not in self.known:
            with self.stages.entered(Stage.PROFILE, variant.value):
                self.known[key] = self._measured(made.content, file.flatbuffer)
        return self.known[key]

    def median_ms(self, variant: Variant, made: Made, file: Measured) -> float | None:
        """The median alone; None where it is not known."""
        latency = self.latency(variant, made, file)
        return None if latency is None else latency.median_ms

    def _measured(self, content: bytes, file: Flatbuffer) -> Latency:
        rules = self.request.policy.profile
        threads = rules.threads or self.request.threads
        select = ", ".join(file.select_operators)
        if select:
            reason = f"no interpreter here runs select operators: {select}"
            return Latency(runs=0, threads=threads, reason=reason)
        signature, pairs = next(iter(self.reference.pairs.items()), ("", ()))
        if not pairs:
            reason = self.reference.trouble or "there is no sample to run"
            return Latency(runs=0, threads=threads, reason=reason)
        try:
            invoke = invocation(content, signature, pairs[0].inputs, threads=threads)
            warm_ups = _times(invoke, WARM_UPS)
            is_slow = sum(warm_ups) >= MOST_SECONDS
            return _latency(warm_ups if is_slow else _times(invoke, rules.runs), threads)
        except ConversionError as error:
            return Latency(runs=0, threads=threads, reason=error.message)


def _times(invoke: Callable[[], object], most: int) -> list[float]:
    """Seconds of each invocation, until there are enough or the time is up; of one at least."""
    times: list[float] = []
    while not times or (len(times) < most and sum(times) < MOST_SECONDS):
        started = time.perf_counter()
        invoke()
        times.append(time.perf_counter() - started)
    return times


def _latency(times: Sequence[float], threads: int) -> Latency:
    median, ninth = np.quantile(times, [0.5, 0.9])
    return Latency(
        runs=len(times),
        threads=threads,
        median_ms=round(float(median) * 1e3, 4),
        p90_ms=round(float(ninth) * 1e3, 4),
    )
