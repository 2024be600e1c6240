"""Equal build key, equal bytes: also in another process, with another hash seed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import zoo

SCRIPT = """
import sys
from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant

model, scratch = sys.argv[1:]
variants = (Variant.FLOAT32, Variant.DYNAMIC_RANGE, Variant.WEIGHT_ONLY_INT4)
request = AttemptRequest(
    attempt="1.1", kind=ModelKind.KERAS, model=model, stem="tumours", scratch=scratch,
    policy=Policy(variants=variants), threads=1,
)
run(request, lambda stage, detail: None)
"""


def test_two_processes_write_the_same_files(tmp_path: Path) -> None:
    """Names, order and bytes of every artifact, from two interpreters with different seeds."""
    model = zoo.tumours().model
    runs = []
    for seed in ("1", "2"):
        scratch = tmp_path / f"scratch-{seed}"
        scratch.mkdir()
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(model), str(scratch)],
            check=True,
            timeout=200,
            capture_output=True,
            env={**os.environ, **zoo.ENVIRONMENT, "PYTHONHASHSEED": seed},
        )
        files = sorted(path for path in (scratch / "set").rglob("*") if path.is_file())
        runs.append(
            {
                str(path.relative_to(scratch)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in files
            }
        )
    assert len(runs[0]) == 9
    assert runs[0] == runs[1]
