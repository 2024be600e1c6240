"""Debian packages as files: the same one under another version."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_MAGIC: Final = b"!<arch>\n"
_HEADER_BYTES: Final = 60
_SIZE: Final = slice(48, 58)


def under_version(package: Path, prefix: str, target: Path) -> None:
    """Copies a package; what it installs stays as it is.

    A package is an ``ar`` archive of three members (deb(5)): the format's version, an archive with
    what dpkg reads, and one with the files.

    Args:
        package: a package.
        prefix: put before its version, as ``1:``.
        target: the new file.
    """
    with package.open("rb") as old, target.open("wb") as new:
        new.write(old.read(len(_MAGIC)))
        for _ in range(2):
            header = old.read(_HEADER_BYTES)
            size = int(header[_SIZE])
            content = old.read(size + size % 2)[:size]
            if header.startswith(b"control.tar"):
                content = _control(package, prefix)
                name = b"control.tar.gz"
                header = name.ljust(16) + header[16:48] + b"%-10d`\n" % len(content)
            new.write(header + content + b"\n" * (len(content) % 2))
        shutil.copyfileobj(old, new, 1 << 20)


def _control(package: Path, prefix: str) -> bytes:
    """What dpkg reads, with the other version, as a compressed archive."""
    packed = io.BytesIO()
    with TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "--control", package, folder], check=True)
        file = Path(folder) / "control"
        text = file.read_text()
        file.write_text(text.replace("\nVersion: ", f"\nVersion: {prefix}"))
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(folder, ".")
    return packed.getvalue()
