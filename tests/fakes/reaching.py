"""An entry that tells what it could reach of the files that its request names."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fakes.entries import REPORT
from tflited.domain.attempt import AttemptRequest
from tflited.domain.ports import Progress
from tflited.domain.report import BuildReport


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Its report's notes are what worked."""
    left = Path(request.evidence or request.model)
    tries: dict[str, Callable[[], object]] = {
        "read model": lambda: Path(request.model, "file").read_bytes(),
        "read data": lambda: Path(request.evaluation[0]).read_bytes(),
        "read module": lambda: Path(request.custom_objects[0]).read_bytes(),
        "read left": (left / "file").read_bytes,
        "write left": lambda: (left / "file").write_bytes(b"other"),
        "add to left": (left / "new").touch,
        "remove left": (left / "file").unlink,
        "move left": lambda: left.rename(Path(request.scratch, "moved")),
        "write scratch": lambda: Path(request.scratch, "new").touch(),
    }
    worked = tuple(name for name, action in tries.items() if _works(action))
    return replace(REPORT, source=replace(REPORT.source, notes=worked))


def _works(action: Callable[[], object]) -> bool:
    try:
        action()
    except OSError:
        return False
    return True
