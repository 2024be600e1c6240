"""What hostile models reach for: a secret that the daemon's user may read, and a folder to write.

Also the form of a case of the corpus. Nothing here is committed as bytes: every file is made anew.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

SECRET: Final = b"TFLITED-SECRET:7f3a91c2e5d84b06:must-never-leave-this-machine!!!"
"""Of 64 bytes, so that it can be taken for 16 floats."""
SMALL: Final = """\
variants = ["float32"]
[limits]
wall_seconds = 30
cpu_seconds = 6
memory_bytes = 1000000000
scratch_bytes = 50000000
"""
"""The policy beside every case: bombs end early."""


@dataclass(frozen=True, slots=True)
class Bait:
    """The places that a case is told.

    Attributes:
        folder: outside of every tree of the daemon.
    """

    folder: Path

    @property
    def secret(self) -> str:
        """A file to read."""
        return str(self.folder / "secret.txt")

    def canary(self, name: str) -> str:
        """A file to write."""
        return str(self.folder / "canaries" / name)

    def lay(self) -> None:
        """Makes the files."""
        (self.folder / "canaries").mkdir(parents=True)
        Path(self.secret).write_bytes(SECRET)

    def taken(self) -> list[str]:
        """Names of the canaries that were written."""
        return sorted(path.name for path in (self.folder / "canaries").iterdir())


class Layer(StrEnum):
    """What is meant to stop a case first."""

    PREFLIGHT = "preflight"
    """The look before; the sandbox stops it, too, where the look is switched off."""
    SANDBOX = "sandbox"
    """The sandbox alone."""
    LIMITS = "limits"
    """A limit of the policy."""
    FORMAT = "format"
    """A reader that checks what it reads: admission, settings, data, the trigger document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One hostile model.

    Attributes:
        name: of the file or folder below the root.
        make: makes it at a path.
        layer: what stops it first.
        codes: with which it may end: of its job's failure, or the phase of a model without a job.
        policy: of its folder.
    """

    name: str
    make: Callable[[Path, Bait], None]
    layer: Layer
    codes: frozenset[str]
    policy: str = SMALL

    @property
    def path(self) -> str:
        """Below the root; each case has a folder of its own, for its policy."""
        return f"{self.name.partition('.')[0]}/{self.name}"

    def place(self, root: Path, bait: Bait) -> None:
        """Puts the case and its policy below a root."""
        target = root / self.path
        target.parent.mkdir(parents=True)
        (target.parent / ".tflited.toml").write_text(self.policy)
        self.make(target, bait)


def leaks(folder: Path) -> Iterator[Path]:
    """Files below a folder that hold the secret."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and SECRET in path.read_bytes():
            yield path
