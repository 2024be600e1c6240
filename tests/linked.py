"""C sources as a compiler sees them: built into a shared library, whose bytes are read back."""

import ctypes
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

WARNINGS = ("-Wall", "-Wextra", "-Wundef", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
C = ("gcc", "-std=c11")
CPP = ("g++", "-std=c++17")
SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """An array of a library: its bytes, and where it lies."""

    content: bytes
    address: int


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Puts sources beside each other."""
    for name, text in files.items():
        (folder / name).write_bytes(text)


def compiled(folder: Path, *command: str) -> None:
    """Runs a compiler in the folder; every warning is an error."""
    subprocess.run([*command, *WARNINGS], check=True, cwd=folder, timeout=SECONDS)


def linked(folder: Path, array: str, size: int, *command: str) -> Linked:
    """Builds a shared library and reads an array of it.

    Args:
        folder: holds the sources.
        array: its symbol.
        size: its length.
        command: compiler, options and sources.
    """
    compiled(folder, *command, "-shared", "-fPIC", "-o", "linked.so")
    library = ctypes.CDLL(str(folder / "linked.so"))
    found = (ctypes.c_ubyte * size).in_dll(library, array)
    return Linked(content=bytes(found), address=ctypes.addressof(found))


def printed(folder: Path, program: str = "program") -> bytes:
    """What a program that was built in the folder says."""
    done = subprocess.run([folder / program], check=True, capture_output=True, timeout=SECONDS)
    return done.stdout
