"""The process that fetches one Hub module: has network, runs no model code, ends with its parent.

It reads the interpreter, names and certificates, writes the cache, connects, and starts nothing.

Reads the request from standard input, writes one JSON reply to standard output.
"""

import importlib
import json
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any, Final

from tflited.domain.limits import Limits
from tflited.domain.sandbox import SandboxDemand
from tflited.errors import TflitedError
from tflited.workers.sandbox import kernel
from tflited.workers.sandbox.confinement import Confinement
from tflited.workers.sandbox.layers import confine_fetch

MEMORY_BYTES: Final = 512 * 2**20
"""A fetch streams; more than this is an attack on a parser."""
OPEN_FILES: Final = 64
CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def main() -> None:
    """Confines this process, runs the entry named on the command line, and replies."""
    parent_pid, entry = int(sys.argv[1]), sys.argv[2]
    request = json.load(sys.stdin)
    json.dump(_reply(parent_pid, entry, request), sys.stdout)


def _confine(parent_pid: int, request: dict[str, Any]) -> None:
    largest_file_bytes = request["limits"]["largest_unpacked_bytes"]
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
    if request["limits"]["sandbox"] == SandboxDemand.OFF:
        kernel.die_with_parent(parent_pid)
        kernel.forbid_new_privileges()
        return
    cache = Path(request["destination"]).parent
    cache.mkdir(parents=True, exist_ok=True)
    confine_fetch(
        Confinement(
            parent_pid=parent_pid,
            scratch=str(cache),
            noise_fd=sys.stderr.fileno(),
            kept_fds=(),
            limits=Limits(),
            threads=1,
            readable=tuple(os.environ[name] for name in CERTIFICATES if name in os.environ),
            may_connect=True,
        )
    )


def _reply(parent_pid: int, entry: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        fetch = importlib.import_module(entry).run
        _confine(parent_pid, request)
        fetch(request)
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
