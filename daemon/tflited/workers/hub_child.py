"""The process that fetches one Hub module: has network, runs no model code, ends with its parent.

Reads the request from standard input, writes one JSON reply to standard output.
"""

import importlib
import json
import os
import resource
import sys
import traceback
from typing import Any, Final

from tflited.errors import TflitedError
from tflited.workers.sandbox import kernel

MEMORY_BYTES: Final = 512 * 2**20
"""A fetch streams; more than this is an attack on a parser."""
OPEN_FILES: Final = 64


def main() -> None:
    """Confines this process, runs the entry named on the command line, and replies."""
    parent_pid, entry = int(sys.argv[1]), sys.argv[2]
    request = json.load(sys.stdin)
    _confine(parent_pid, largest_file_bytes=request["limits"]["largest_unpacked_bytes"])
    json.dump(_reply(entry, request), sys.stdout)


def _confine(parent_pid: int, *, largest_file_bytes: int) -> None:
    kernel.die_with_parent(parent_pid)
    kernel.forbid_new_privileges()
    os.umask(0o022)
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, largest_file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))


def _reply(entry: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        importlib.import_module(entry).run(request)
    except TflitedError as error:
        return {
            "kind": "failure",
            "message": error.message,
            "hint": error.hint,
            "is_transient": error.retryable,
        }
    except MemoryError:
        return {
            "kind": "failure",
            "message": f"Unpacking needed more than {MEMORY_BYTES} bytes of memory.",
            "hint": "the archive is damaged or hostile; pack the module again",
            "is_transient": False,
        }
    except OSError as error:
        traceback.print_exc()
        return {
            "kind": "failure",
            "message": f"The cache cannot be written: {error}.",
            "hint": "make the cache folder writable for the service's user, and free space in it",
            "is_transient": True,
        }
    return {"kind": "fetched"}


if __name__ == "__main__":
    main()
