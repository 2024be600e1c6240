"""Hostile archives of Hub modules, and hostile trigger documents."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any, Final

from faults.hostile.bait import Bait
from hub_server import members, special


def archives(bait: Bait) -> dict[str, bytes]:
    """Path on the server to an archive that must not be unpacked."""
    module = ("saved_model.pb", b"\x08\x01")
    device = special("device", tarfile.CHRTYPE)
    device.devmajor, device.devminor = 1, 3
    return {
        "/parent/1": members(module, ("../../escaped.txt", b"x")),
        "/absolute/1": members(module, (bait.canary("hub"), b"x")),
        "/link/1": members(special("saved_model.pb", tarfile.SYMTYPE, bait.secret)),
        "/hardlink/1": members(module, special("asset", tarfile.LNKTYPE, bait.secret)),
        "/pipe/1": members(module, special("pipe", tarfile.FIFOTYPE)),
        "/device/1": members(module, device),
        "/bomb/1": _bomb(),
        "/many/1": members(*((f"{number}", b"") for number in range(2000))),
        "/noise/1": bytes(range(256)) * 100,
    }


LIMITS: Final = "largest_unpacked_bytes = 20000000\nmost_files = 1000\n"
"""Of the daemon's ``[hub]`` table."""


def _bomb() -> bytes:
    """200 MB of zeros under the name of the graph, in 200 KB."""
    info = tarfile.TarInfo("saved_model.pb")
    info.size = 200 * 2**20
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb") as stream:
        stream.write(info.tobuf())
        for _ in range(200):
            stream.write(bytes(2**20))
    return content.getvalue()


def _document(**changes: Any) -> bytes:
    return json.dumps({"version": 1, "model": {"path": "large_set/large_set"}} | changes).encode()


def triggers(bait: Bait) -> dict[str, bytes]:
    """Name in the spool to a document that must be refused."""
    return {
        "traversal": _document(model={"path": "../../etc"}),
        "absolute": _document(model={"path": bait.secret}),
        "save_to": _document(save_to="../../escaped"),
        "save_to_absolute": _document(save_to=str(Path(bait.folder, "canaries"))),
        "nul": _document(model={"path": "a\0b"}),
        "number": b'{"version": 1, "model": {"path": "x"}, "priority": ' + b"9" * 30_000 + b"}",
        "float": b'{"version": 1, "model": {"path": "x"}, "priority": 1e400}',
        "nesting": b'{"version": 1, "model": ' + b'{"path":' * 7_000 + b"1" + b"}" * 7_001,
        "types": _document(model=["path"], force="yes"),
        "unknown": _document(command="touch x"),
        "large": _document(id="x" * 100_000),
        "noise": bytes(range(256)),
        "hook": _document(policy={"override": {"hooks": {"published": ["touch", "x"]}}}),
        "code": _document(policy={"override": {"custom_objects": bait.secret}}),
        "limits": _document(policy={"override": {"limits": {"memory_bytes": 0}}}),
        "file_handle": _document(model={"hub": f"file://{bait.secret}", "input_shape": [1]}),
        "other_host": _document(model={"hub": "http://169.254.169.254/x", "input_shape": [1]}),
    }
