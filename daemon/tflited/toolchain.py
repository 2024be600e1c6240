"""The versions that decide an artifact's bytes, read without importing the libraries."""

import os
from importlib.metadata import PackageNotFoundError, version
from typing import Final

_DISTRIBUTIONS: Final = (
    "tflited",
    "tensorflow",
    "keras",
    "tf-keras",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "numpy",
)
OPTIONAL: Final = ("tflite-micro",)
"""Without it the target ``micro`` is built and stays unverified; with it, headers hold an arena."""
ABSENT: Final = "absent"
_BYTES_PER_WORKER: Final = 2 << 30
_MAX_AUTOMATIC_WORKERS: Final = 8


def versions() -> dict[str, str]:
    """Distribution name to version, of what is installed."""
    found = {}
    for name in (*_DISTRIBUTIONS, *OPTIONAL):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ABSENT
    return found


def automatic_workers() -> int:
    """Attempts at once that the machine bears: one for each processor and each 2 GiB of memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(processors(), memory // _BYTES_PER_WORKER, _MAX_AUTOMATIC_WORKERS))


def processors() -> int:
    """Processors this process may run on."""
    return len(os.sched_getaffinity(0))
