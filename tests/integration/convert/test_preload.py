"""What the zygote loads before it forks."""

import subprocess
import sys

from zoo import ENVIRONMENT

SCRIPT = """
import os, sys
import tflited.convert.preload
threads = len(os.listdir("/proc/self/task"))
context = sys.modules["tensorflow.python.eager.context"].context()
print(threads, context._context_handle is None, "tflited.convert.entry" in sys.modules)
"""


def test_loading_starts_no_thread_and_runs_no_operator() -> None:
    """A thread would not survive the fork, and an operator would start TensorFlow's own."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=ENVIRONMENT,
    )
    assert result.stdout.split() == ["1", "True", "True"]
