"""The entry of an attempt that does nothing: what is left is the cost of isolation.

Its report's one note is how many seconds the sandbox took to enter.
"""

import time
from dataclasses import replace
from typing import Any, Final

from tflited.domain.attempt import AttemptRequest
from tflited.domain.ports import Progress
from tflited.domain.report import BuildReport, SourceReport, Stage
from tflited.workers import child

REPORT: Final = BuildReport(
    source=SourceReport(
        loader="none", signature="none", inputs=(), outputs=(), reference_inputs="none"
    ),
    variants=(),
    stage_seconds={},
)


_confine = vars(child)["confine"]
_spent = [0.0]


def _timed(*arguments: Any, **options: Any) -> Any:
    started = time.monotonic()
    level = _confine(*arguments, **options)
    _spent[0] = time.monotonic() - started
    return level


vars(child)["confine"] = _timed


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Tells one stage and reports nothing."""
    progress(Stage.LOAD, request.stem)
    return replace(REPORT, source=replace(REPORT.source, notes=(str(_spent[0]),)))
