"""Authorities and the certificates that they sign, made with openssl as docs/scaling.md shows."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tflited.domain.cluster import TlsFiles

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates.

    Attributes:
        folder: its own.
    """

    folder: Path

    def issue(self, name: str) -> TlsFiles:
        """A certificate and its key."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        _openssl(
            "req", "-x509", *KEY, "-subj", f"/CN={name}", "-keyout", str(key),
            "-CA", str(self.folder / "ca.pem"), "-CAkey", str(self.folder / "ca.key"),
            "-addext", "basicConstraints=critical,CA:false", "-out", str(certificate),
        )  # fmt: skip
        return TlsFiles(ca=self.folder / "ca.pem", certificate=certificate, key=key)


def authority(folder: Path) -> Authority:
    """A new authority in a new folder."""
    folder.mkdir()
    out = ["-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")]
    _openssl("req", "-x509", *KEY, "-subj", f"/CN={folder.name}", *out)
    return Authority(folder)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
