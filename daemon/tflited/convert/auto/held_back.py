"""Whether the evaluation data were held back: what a file was calibrated on proves little of it."""

import hashlib
from pathlib import Path

from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import Check, CheckResult


def shared_files(request: AttemptRequest) -> int:
    """How many evaluation files hold the very bytes of a calibration file."""
    sizes = {Path(file).stat().st_size for file in request.calibration}
    likely = [file for file in request.evaluation if Path(file).stat().st_size in sizes]
    known = {_digest(file) for file in request.calibration} if likely else set()
    return sum(_digest(file) in known for file in likely)


def check(request: AttemptRequest) -> Check | None:
    """The check that evaluation data were held back; None where they were.

    Without evaluation data nothing claims to be held back, and there is nothing to check.
    """
    shared = shared_files(request)
    if not shared:
        return None
    count = len(request.evaluation)
    return Check(
        name="held_back",
        result=CheckResult.UNPROVEN,
        observed=f"{shared} of {count} evaluation files are calibration files too",
        allowed="evaluation data that nothing was calibrated on",
        hint="keep samples apart: name other files in evaluation.data than in calibration.data",
    )


def _digest(file: str) -> str:
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
