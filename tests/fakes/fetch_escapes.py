"""An entry of a fetch that tries to escape, and tells what worked in the error that it raises."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from fakes import escapes
from fakes.escapes import _works, attempts
from tflited.errors import HubError


def run(request: Mapping[str, Any]) -> None:
    """Tries everything that a child tries, and a connection to the server.

    Raises:
        HubError: always; its message is how many were tried, and the names of those that worked.
    """
    vars(escapes)["PARENT"] = os.getppid()
    found = attempts(SimpleNamespace(scratch=str(Path(request["destination"]).parent)))  # type: ignore[arg-type]  # all it reads
    found["connected"] = lambda: _connect(request["handle"])
    worked = [name for name, attempt in found.items() if _works(attempt)]
    raise HubError(", ".join([str(len(found)), *worked]))


def _connect(handle: str) -> None:
    address = urlsplit(handle)
    socket.create_connection((address.hostname or "", address.port or 80), timeout=5).close()
