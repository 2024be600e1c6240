"""A file system without RENAME_EXCHANGE: bindfs, a FUSE file system that shows another folder."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FRESH = "entry_timeout=0,attr_timeout=0,negative_timeout=0"
"""libfuse remembers names for a second, in which a link that was replaced leads nowhere."""
NEEDS_BINDFS = pytest.mark.requires_program("bindfs", "apt-get install bindfs")


@contextmanager
def bound(folder: Path) -> Iterator[Path]:
    """Mounts a new folder over another; skips where FUSE cannot be used."""
    shown, real = folder / "shown", folder / "real"
    shown.mkdir()
    real.mkdir()
    ended = subprocess.run(
        ["bindfs", "--no-allow-other", "-o", _FRESH, str(real), str(shown)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        pytest.skip(f"this machine mounts no FUSE file system: {ended.stderr.strip()}")
    try:
        yield shown
    finally:
        subprocess.run(["fusermount", "-u", "-z", str(shown)], check=True)
