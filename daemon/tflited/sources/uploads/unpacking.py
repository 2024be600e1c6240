"""Has an archive unpacked by a process of its own, whose memory, time and room are limited."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tflited.domain.access import UploadRules
from tflited.errors import UploadRefusedError

_CHILD: Final = "tflited.sources.uploads.child"
_LONGEST_NOISE: Final = 500


def unpacked(archive: Path, folder: Path, rules: UploadRules) -> Path:
    """Unpacks an archive and removes it.

    Args:
        archive: zip, or tar with or without gzip.
        folder: does not exist yet.
        rules: how much it may be.

    Returns:
        The folder.

    Raises:
        UploadRefusedError: it is no such archive, or damaged, or holds more or something else than
            is allowed.
    """
    request = {"archive": str(archive), "folder": str(folder), "rules": asdict(rules)}
    command = [sys.executable, "-m", _CHILD]
    folder.mkdir()
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter and a module's name
            command,
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=rules.timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(
            f"observed no end within {rules.timeout_seconds:g} s, allowed that long"
        ) from None
    told = _told(done.stdout)
    if done.returncode != 0 or told is None:
        noise = done.stderr[-_LONGEST_NOISE:].decode(errors="replace").strip()
        raise _refused(f"the process that unpacks it ended with {done.returncode}: {noise}")
    if told["refusal"]:
        raise _refused(told["refusal"])
    archive.unlink()
    return folder


def _told(output: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(output)
    except ValueError:
        return None
    return told if isinstance(told, dict) and isinstance(told.get("refusal"), str) else None


def _refused(reason: str) -> UploadRefusedError:
    return UploadRefusedError(
        f"Archive: {reason}.",
        hint="pack the model's folder alone: zip -r net.zip net, or tar -czf net.tar.gz net",
        kind="upload_archive",
    )
