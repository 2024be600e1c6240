"""``tflited worker`` that tells of another numpy than it has; it converts nothing."""

import functools
import sys

from tflited import cluster, toolchain
from tflited.cli import main
from tflited.workers.local import LocalExecutor

if __name__ == "__main__":
    told = {**toolchain.versions(), "numpy": "1.0"}
    vars(toolchain)["versions"] = lambda: told
    vars(cluster)["LocalExecutor"] = functools.partial(
        LocalExecutor, preload="json", entry="fakes.entries"
    )
    sys.exit(main(sys.argv[1:]))
