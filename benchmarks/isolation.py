"""What isolation costs: an attempt that does nothing, through the real preload and executor.

The same with the sandbox switched off is its peer; and a real conversion with both, and its proof.
"""

import hashlib
import os
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, Final

from stopwatch import BenchmarkError, comparison, rounded, seconds, wait_until
from tflited.domain.attempt import AttemptLimits, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.domain.report import BuildReport
from tflited.domain.sandbox import SandboxDemand
from tflited.workers.local import LocalExecutor

WARM_SECONDS: Final = 120.0
STOP_SECONDS: Final = 10.0
FULL: Final = SandboxDemand.REQUIRED
OFF: Final = SandboxDemand.OFF


def measure(attempts: int) -> dict[str, Any]:
    """Seconds from the request to the reaped child, over several attempts.

    Args:
        attempts: samples to take, after one that is not counted.

    Raises:
        BenchmarkError: the zygote does not come up, or an attempt fails.
    """
    folder = str(Path(__file__).resolve().parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        part for part in (folder, os.environ.get("PYTHONPATH")) if part
    )
    executor = LocalExecutor(entry="empty_entry")
    executor.start()
    try:
        wait_until(lambda: executor.is_ready, WARM_SECONDS, "warm zygote")
        pairs = [
            (_sample(executor, number, FULL), _sample(executor, number, OFF))
            for number in range(attempts + 1)
        ][1:]
    finally:
        executor.stop(STOP_SECONDS)
    whole, plain = ([pair[side][0] for pair in pairs] for side in (0, 1))
    entering = [pair[0][1] for pair in pairs]
    return {
        "what": "empty attempt: fork from the warm zygote, confine, reply, reap",
        "peer": "the same with the sandbox switched off",
        "attempt": comparison(whole, plain),
        "entry": {
            "what": "the sandbox's layers, applied and read back",
            "median_seconds": round(statistics.median(entering), 4),
            "seconds": rounded(entering),
        },
    }


def converted(model: Path, pairs: int) -> dict[str, Any]:
    """Seconds of a conversion in the sandbox and outside of it, and of the proof in one of its own.

    Args:
        model: a SavedModel.
        pairs: to take, after one that is not counted.

    Raises:
        BenchmarkError: an attempt fails, or the sandbox changes a byte.
    """
    executor = LocalExecutor()
    executor.start()
    ours, plain, proofs = list[float](), list[float](), list[float]()
    try:
        wait_until(lambda: executor.is_ready, WARM_SECONDS, "warm zygote")
        for _ in range(pairs + 1):
            made, proof, ours_set = _conversion(executor, model, FULL)
            other, _, plain_set = _conversion(executor, model, OFF)
            if ours_set != plain_set:
                raise BenchmarkError("The sandbox changes the bytes of a conversion.")
            ours.append(made)
            plain.append(other)
            proofs.append(proof)
    finally:
        executor.stop(STOP_SECONDS)
    return {
        "peer": "the same conversion with the sandbox switched off; the files are equal",
        "files": len(ours_set),
        "conversion": comparison(ours[1:], plain[1:]),
        "proof": comparison(proofs[1:], ours[1:]),
    }


def _conversion(
    executor: LocalExecutor, model: Path, demand: SandboxDemand
) -> tuple[float, float, dict[str, str]]:
    """Seconds of the conversion, of the proof after it, and the files with their SHA-256."""
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as name:
        places = [Path(name, part) for part in ("work", "proof")]
        for place in places:
            place.mkdir()
        request = AttemptRequest(
            attempt="1.1",
            kind=ModelKind.SAVED_MODEL,
            model=str(model),
            stem=model.name,
            scratch=str(places[0]),
            policy=Policy(),
            sandbox=demand,
        )
        again = replace(request, evidence=str(places[0]), scratch=str(places[1]), model="")
        made = seconds(lambda: _attempt(executor, request))
        proof = seconds(lambda: _attempt(executor, again))
        files = sorted(path for path in (places[0] / "set").rglob("*") if path.is_file())
        digests = {
            str(path.relative_to(places[0])): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }
    return made, proof, digests


def _sample(executor: LocalExecutor, number: int, demand: SandboxDemand) -> tuple[float, float]:
    """Seconds of the attempt, and of entering the sandbox."""
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as scratch:
        request = AttemptRequest(
            attempt=f"1.{number}",
            kind=ModelKind.SAVED_MODEL,
            model=scratch,
            stem="empty",
            scratch=scratch,
            policy=Policy(),
            sandbox=demand,
        )
        notes: list[str] = []
        spent = seconds(lambda: notes.extend(_attempt(executor, request).source.notes))
        return spent, float(notes[0])


def _attempt(executor: LocalExecutor, request: AttemptRequest) -> BuildReport:
    limits = AttemptLimits(wall_seconds=WARM_SECONDS)
    outcome = executor.run_attempt(request, limits, lambda _stage, _detail: None, Event())
    if outcome.result is not AttemptResult.OK or outcome.report is None:
        raise BenchmarkError(f"The attempt ended as {outcome.result}: {outcome.failure}.")
    return outcome.report
