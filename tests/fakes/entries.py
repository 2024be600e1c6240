"""Entries for children that misbehave on demand: the request's stem says how."""

import ctypes
import errno
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from tflited.domain.attempt import AttemptRequest
from tflited.domain.policy import Variant
from tflited.domain.ports import Progress
from tflited.domain.report import (
    ArtifactFile,
    BuildReport,
    SourceReport,
    Stage,
    VariantReport,
    VariantState,
)
from tflited.errors import ConversionError, SourceChangedError

REPORT: Final = BuildReport(
    source=SourceReport(
        loader="fake", signature="serve", inputs=(), outputs=(), reference_inputs="random"
    ),
    variants=(),
    stage_seconds={},
)
HANG_SECONDS: Final = 600.0
BLOCK: Final = 2**20
BLOCKS: Final = 400
"""What a greedy child takes of memory or disk: 400 MiB."""


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Does what the stem asks for; an unknown stem is a KeyError."""
    progress(Stage.LOAD, request.stem)
    return BEHAVIOURS[request.stem](request, progress)


def _ok(request: AttemptRequest, progress: Progress) -> BuildReport:
    progress(Stage.PROVE, "float32")
    return REPORT


def _big(request: AttemptRequest, progress: Progress) -> BuildReport:
    notes = tuple(f"{number}: {'x' * 1000}" for number in range(1024))
    return replace(REPORT, source=replace(REPORT.source, notes=notes))


def _refused(request: AttemptRequest, progress: Progress) -> BuildReport:
    raise ConversionError("No such operator.", hint="Allow it.", code="unsupported_op")


def _changed(request: AttemptRequest, progress: Progress) -> BuildReport:
    raise SourceChangedError("It changed.")


def _memory(request: AttemptRequest, progress: Progress) -> BuildReport:
    raise MemoryError


def _full(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Meets a disk without room, as any write of TensorFlow's or of ours may."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), request.scratch)


def _segfault(request: AttemptRequest, progress: Progress) -> BuildReport:
    ctypes.string_at(0)
    return REPORT


def _abort(request: AttemptRequest, progress: Progress) -> BuildReport:
    os.abort()


def _llvm(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Ends as the compiler does: what it has to say goes to standard error, then it aborts."""
    os.write(2, b"<unknown>:0: error: missing attribute 'value'\n")
    os.write(2, b"LLVM ERROR: Failed to infer result type(s).\x1b[2J\n")
    os.abort()


def _allocation(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Throws C++'s own exception through Python, which ends the process."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def _killed(request: AttemptRequest, progress: Progress) -> BuildReport:
    os.kill(os.getpid(), signal.SIGKILL)
    return REPORT


def _leave(request: AttemptRequest, progress: Progress) -> BuildReport:
    os._exit(0)


def _system_exit(request: AttemptRequest, progress: Progress) -> BuildReport:
    sys.exit(3)


def _hang(request: AttemptRequest, progress: Progress) -> BuildReport:
    Path(request.scratch, "pid").write_text(str(os.getpid()), encoding="ascii")
    threading.Event().wait(HANG_SECONDS)
    return REPORT


def _descendant(request: AttemptRequest, progress: Progress) -> BuildReport:
    process = subprocess.Popen([sys.executable, "-c", f"import time;time.sleep({HANG_SECONDS})"])
    Path(request.scratch, "pid").write_text(str(process.pid), encoding="ascii")
    return REPORT


def _reply_socket() -> socket.socket:
    return socket.socket(fileno=_socket_fds()[0])


def _socket_fds() -> list[int]:
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir() if _is_socket(entry)]


def _is_socket(entry: Path) -> bool:
    try:
        return str(entry.readlink()).startswith("socket:")
    except OSError:
        return False


def _garbage(request: AttemptRequest, progress: Progress) -> BuildReport:
    _reply_socket().send(b".\xff not json")
    return _hang(request, progress)


def _flood(request: AttemptRequest, progress: Progress) -> BuildReport:
    channel = _reply_socket()
    while True:
        channel.send(b"+" + b"x" * 30_000)


def _noise(request: AttemptRequest, progress: Progress) -> BuildReport:
    os.write(1, b"a" * 40_000)
    os.write(2, b"the end")
    return REPORT


def _surroundings(request: AttemptRequest, progress: Progress) -> BuildReport:
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    notes = (
        f"cwd={Path.cwd()}",
        f"environment={','.join(sorted(os.environ))}",
        f"home={os.environ['HOME']}",
        f"umask={os.umask(0):o}",
        f"session={os.getsid(0) == os.getpid()}",
        f"sockets={len(_socket_fds())}",
        f"privileges={next(line for line in status if line.startswith('NoNewPrivs')).split()[1]}",
    )
    return replace(REPORT, source=replace(REPORT.source, notes=notes))


def _eat(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Memory of its own, page by page."""
    eaten = [bytearray(os.urandom(1) * BLOCK) for _ in range(BLOCKS)]
    threading.Event().wait(HANG_SECONDS)
    return replace(REPORT, stage_seconds={"eaten": float(len(eaten))})


def _share(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Shared memory, which RLIMIT_DATA leaves out."""
    with mmap.mmap(-1, BLOCK * BLOCKS, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS) as shared:
        for start in range(0, len(shared), BLOCK):
            shared[start : start + BLOCK] = b"x" * BLOCK
        threading.Event().wait(HANG_SECONDS)
    return REPORT


def _heir(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Memory of a process that the child started."""
    program = f"x = [bytearray(b'x' * {BLOCK}) for _ in range({BLOCKS})]; input()"
    subprocess.run([sys.executable, "-c", program], stdin=subprocess.PIPE, check=False)
    return REPORT


def _spin(request: AttemptRequest, progress: Progress) -> BuildReport:
    while True:
        pass


def _fill(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Many small files in folders; none is large."""
    for number in range(BLOCKS):
        folder = Path(request.scratch, f"{number}")
        folder.mkdir()
        (folder / "file").write_bytes(b"x" * BLOCK)
    threading.Event().wait(HANG_SECONDS)
    return REPORT


def _fat_file(request: AttemptRequest, progress: Progress) -> BuildReport:
    """One large file, and a library that would go on after a short write."""
    with suppress(OSError), Path(request.scratch, "file").open("wb", buffering=0) as stream:
        stream.writelines(b"x" * BLOCK for _ in range(BLOCKS))
    return REPORT


def _fat_set(request: AttemptRequest, progress: Progress) -> BuildReport:
    file = ArtifactFile(path="float32/m.tflite", size_bytes=BLOCK, sha256="0" * 64)
    variant = VariantReport(variant=Variant.FLOAT32, state=VariantState.PROVEN, files=(file,))
    return replace(REPORT, variants=(variant,))


BEHAVIOURS: Final[dict[str, Callable[[AttemptRequest, Progress], BuildReport]]] = {
    "ok": _ok,
    "big": _big,
    "refused": _refused,
    "changed": _changed,
    "memory": _memory,
    "full": _full,
    "segfault": _segfault,
    "abort": _abort,
    "llvm": _llvm,
    "allocation": _allocation,
    "killed": _killed,
    "leave": _leave,
    "system_exit": _system_exit,
    "hang": _hang,
    "descendant": _descendant,
    "garbage": _garbage,
    "flood": _flood,
    "noise": _noise,
    "surroundings": _surroundings,
    "eat": _eat,
    "share": _share,
    "heir": _heir,
    "spin": _spin,
    "fill": _fill,
    "fat file": _fat_file,
    "fat set": _fat_set,
}
