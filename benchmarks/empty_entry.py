"""The entry of an attempt that does nothing: what is left is the cost of isolation."""

from typing import Final

from tflited.domain.attempt import AttemptRequest
from tflited.domain.ports import Progress
from tflited.domain.report import BuildReport, SourceReport, Stage

REPORT: Final = BuildReport(
    source=SourceReport(
        loader="none", signature="none", inputs=(), outputs=(), reference_inputs="none"
    ),
    variants=(),
    stage_seconds={},
)


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Tells one stage and reports nothing."""
    progress(Stage.LOAD, request.stem)
    return REPORT
