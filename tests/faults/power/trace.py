"""Reads what strace wrote of a program: the calls that changed files, in order (strace(1))."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHANGING: Final = (
    "open,openat,creat,write,pwrite64,writev,pwritev,truncate,ftruncate,fallocate,"
    "copy_file_range,sendfile,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,"
    "link,linkat,symlink,symlinkat,fsync,fdatasync,sync_file_range,access,faccessat,faccessat2"
)
"""Calls that change files, that make changes durable, and the one that stands for a promise."""
_LONGEST_STRING: Final = 2**20
_WHOLE: Final = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+|\?)")
_BEGUN: Final = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_ENDED: Final = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?)")
_HEX: Final = re.compile(r"(?:\\x[0-9a-f]{2})+")
_OPEN_FILE: Final = re.compile(r"(-?\w+)<(.*)>(?:\(deleted\))?")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded: its name and its arguments, as strace shows them."""

    name: str
    arguments: tuple[str, ...]

    def text(self, number: int) -> bytes:
        """A string argument's bytes."""
        return unescaped(self.arguments[number].strip('"'))

    def number(self, number: int) -> int:
        """A number argument."""
        return int(self.arguments[number], 0)

    def opened(self, number: int) -> Path:
        """The path of an open file, as it was at this moment."""
        match = _OPEN_FILE.fullmatch(self.arguments[number])
        assert match is not None, self
        return Path(unescaped(match[2]).decode())

    def path(self, number: int, folder: int | None = None) -> Path:
        """A path argument, relative to the open folder of another."""
        path = Path(self.text(number).decode())
        return path if folder is None or path.is_absolute() else self.opened(folder) / path


def unescaped(text: str) -> bytes:
    """The bytes of a string that strace wrote with every byte in hexadecimal."""
    return bytes.fromhex("".join(_HEX.findall(text)).replace("\\x", ""))


def recorded(command: Sequence[str], output: Path, environment: dict[str, str]) -> list[Call]:
    """Runs a program to its good end under strace.

    Args:
        command: the program.
        output: file for strace.
        environment: of the program.

    Returns:
        Its calls in the order in which they began, which for a sync that ran beside a write of
        another thread is the order that promises less.
    """
    options = ["-f", "-y", "-xx", "-qq", "-s", str(_LONGEST_STRING), "-e", f"trace={CHANGING}"]
    strace = ["strace", "--seccomp-bpf", *options, "-o", str(output), "--", *command]
    ended = subprocess.run(strace, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return list(calls(output.read_text().splitlines()))


def calls(lines: Sequence[str]) -> Iterator[Call]:
    """The calls of a trace that succeeded; one that was interrupted stands where it began."""
    ends: dict[int, tuple[str, str]] = {}
    begun: dict[str, int] = {}
    for position, line in enumerate(lines):
        if match := _BEGUN.match(line):
            begun[match[1]] = position
        elif match := _ENDED.match(line):
            ends[begun.pop(match[1])] = (match[3], match[4])
    for position, line in enumerate(lines):
        if match := _BEGUN.match(line):
            rest, result = ends.get(position, ("", "?"))
            yield from _succeeded(match[2], match[3] + rest, result)
        elif match := _WHOLE.match(line):
            yield from _succeeded(match[2], match[3], match[4])


def _succeeded(name: str, arguments: str, result: str) -> Iterator[Call]:
    """The call, unless it failed; asking for a promise's path fails as it should."""
    if name.startswith(("access", "faccessat")) or result.isdigit():
        yield Call(name, tuple(part.strip() for part in arguments.split(", ")))
