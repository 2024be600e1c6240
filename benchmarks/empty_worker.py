"""``tflited worker`` whose attempts do nothing: what is left is the cost of the cluster."""

import functools
import sys

from tflited import cluster
from tflited.cli import main
from tflited.workers.local import LocalExecutor

if __name__ == "__main__":
    empty = functools.partial(LocalExecutor, preload="json", entry="empty_entry")
    vars(cluster)["LocalExecutor"] = empty  # for this process alone
    sys.exit(main(sys.argv[1:]))
