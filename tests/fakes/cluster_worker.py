"""``tflited worker`` whose children run ``fakes.entries`` instead of a conversion."""

import functools
import sys

from tflited import cluster
from tflited.cli import main
from tflited.workers.local import LocalExecutor

if __name__ == "__main__":
    quick = functools.partial(LocalExecutor, preload="json", entry="fakes.entries")
    vars(cluster)["LocalExecutor"] = quick  # for this process alone
    sys.exit(main(sys.argv[1:]))
