"""Measures from outside what a child uses: resident memory, and the size of its folder.

RLIMIT_DATA leaves out shared mappings, and no limit of the kernel bounds a folder. The child wrote
the folder: nothing in it is opened or followed, and the walk is bounded.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEMORY_SECONDS: Final = 0.05
"""Measured: at most 209 MB over the limit at this pace, 635 MB at 0.25 s."""
SCRATCH_SECONDS: Final = 0.2
SHARE_OF_TIME: Final = 20
"""A walk is not repeated before this many times its own duration went by."""
MOST_ENTRIES: Final = 20_000
"""Files and folders in a scratch folder that are counted; a set has a few dozen."""
_BLOCK_BYTES: Final = 512
_ENTRY_BYTES: Final = 4096
"""What a folder or an empty file counts for, which takes an inode of the file system."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True, kw_only=True)
class Usage:
    """What one child was last seen to use; measured no oftener than it is worth.

    Attributes:
        pid: the child; its own children count, too.
        scratch: its folder.
    """

    pid: int
    scratch: str
    memory_bytes: int = 0
    scratch_bytes: int = 0
    _memory_at: float = 0.0
    _scratch_at: float = 0.0

    def measure(self) -> None:
        """Looks again where it is time to."""
        now = time.monotonic()
        if now >= self._memory_at:
            self.memory_bytes = resident_bytes(self.pid)
            self._memory_at = now + MEMORY_SECONDS
        if now >= self._scratch_at:
            self.scratch_bytes = folder_bytes(self.scratch)
            spent = time.monotonic() - now
            self._scratch_at = now + max(SCRATCH_SECONDS, SHARE_OF_TIME * spent)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its children, shared pages included; 0 once it is gone."""
    return sum(map(_resident_bytes, (pid, *_children(pid))))


def folder_bytes(folder: str) -> int:
    """Bytes on disk below a folder; more entries than are counted are as good as too many bytes."""
    total = entries = 0
    waiting = [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as listing:
            for entry in listing:
                entries += 1
                if entries > MOST_ENTRIES:
                    return 2**63
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    total += max(status.st_blocks * _BLOCK_BYTES, _ENTRY_BYTES)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total


def _resident_bytes(pid: int) -> int:
    """The second field of proc_pid_statm(5), which is quick; smaps_rollup walks every page."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    return 0


def _children(pid: int) -> tuple[int, ...]:
    """Of the first thread, which starts whatever a child starts."""
    with suppress(OSError, ValueError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return tuple(map(int, text.split()))
    return ()
