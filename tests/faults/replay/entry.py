"""The entry of a child that replays a recorded conversion; imports no tensorflow.

Every file is marked with the digest of the model that it stands for, so that a mixture of two
builds shows. The recording lies on the Python path, the one thing that a zygote inherits.
"""

import ctypes
import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from tflited.domain.attempt import AttemptRequest
from tflited.domain.ports import Progress
from tflited.domain.report import ArtifactFile, BuildReport, Stage
from tflited.workers import wire

REPLY: Final = "reply.json"
SET: Final = "set"
POISON: Final = "poison"


def _recording() -> tuple[BuildReport, dict[str, bytes]]:
    """The report and every file by its path below the set."""
    folder = next(Path(entry) for entry in sys.path if Path(entry, REPLY).is_file())
    message = wire.decode_message((folder / REPLY).read_bytes())
    assert isinstance(message, wire.ReportMessage), message
    files = [path for path in (folder / SET).rglob("*") if path.is_file()]
    return message.report, {str(p.relative_to(folder / SET)): p.read_bytes() for p in files}


# Read before the child is confined: it may not open the recording afterwards.
_REPORT, _FILES = _recording()


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Leaves the recorded set, marked, and tells the recorded report of it.

    A model whose name begins with ``poison`` ends its child instead.
    """
    progress(Stage.LOAD, "")
    if request.stem.startswith(POISON):
        ctypes.string_at(0)  # the sandbox lets no signal be sent, not even to oneself
    mark = f"\n// {request.provenance['source sha256']}\n".encode()
    progress(Stage.PROVE, "float32")
    variants = tuple(
        replace(entry, files=tuple(_left(file, request, mark) for file in entry.files))
        for entry in _REPORT.variants
    )
    return replace(_REPORT, variants=variants)


def _left(file: ArtifactFile, request: AttemptRequest, mark: bytes) -> ArtifactFile:
    content = _FILES[file.path] + mark
    place = Path(request.scratch, SET, file.path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return replace(file, size_bytes=len(content), sha256=digest)
