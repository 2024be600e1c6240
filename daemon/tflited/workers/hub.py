"""Fetches Hub modules, each in a process of its own with a deadline; implements ``HubFetcher``."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, ClassVar, Final, Literal

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from tflited.domain.figures import FORBID_EXTRA
from tflited.domain.hub import HubLimits, shown
from tflited.errors import HubError
from tflited.workers.noise import spoken
from tflited.workers.wire import printable

INHERITED: Final = ("LANG", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""All that a fetch sees of the daemon's environment."""
POLL_SECONDS: Final = 0.05
"""How late a cancellation may be noticed."""
_REPLY_BYTES: Final = 64 * 1024
_NOISE_BYTES: Final = 4000
_LAST_WORDS: Final = 500

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    """The module is in its place."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    kind: Literal["fetched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """It is not, and why."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    kind: Literal["failure"]
    message: str
    hint: str
    is_transient: bool


_REPLY: Final[TypeAdapter[_Fetched | _Failure]] = TypeAdapter(
    Annotated[_Fetched | _Failure, Field(discriminator="kind")]
)


class HubProcesses:
    """Starts a process for each fetch; any number of threads may call ``fetch``.

    Args:
        limits: what a fetch may do.
        entry: module whose ``run(request)`` does it.
    """

    def __init__(self, limits: HubLimits, *, entry: str = "tflited.convert.hub.fetch") -> None:
        self._limits = limits
        self._entry = entry

    def fetch(self, handle: str, destination: Path, cancel: Event) -> None:
        """Downloads and unpacks a module, and puts it in its place as a whole; blocks.

        Args:
            handle: an https or http address.
            destination: the module's folder.
            cancel: when set, the process group is killed within ``POLL_SECONDS``.

        Raises:
            HubError: it could not be had.
        """
        request = {
            "handle": handle,
            "destination": str(destination),
            "limits": asdict(self._limits),
        }
        with _memory("reply") as reply, _memory("noise") as noise:
            with _memory("request") as content:
                os.pwrite(content, json.dumps(request).encode(), 0)
                process = self._spawn(content, reply, noise)
            why = self._wait(process, cancel)
            said = spoken(_head(noise, _NOISE_BYTES, from_end=True)).strip()
            if said:
                _LOG.info("hub_fetch_said", handle=shown(handle), text=said)
            if why is not None:
                raise why
            _believe(handle, process.returncode, _head(reply, _REPLY_BYTES), said)

    def _spawn(self, request: int, reply: int, noise: int) -> subprocess.Popen[bytes]:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            # -P: the working directory is not a place to import from.
            [
                sys.executable,
                "-P",
                "-m",
                "tflited.workers.hub_child",
                str(os.getpid()),
                self._entry,
            ],
            stdin=request,
            stdout=reply,
            stderr=noise,
            env=inherited,
            cwd="/",
            start_new_session=True,
        )

    def _wait(self, process: subprocess.Popen[bytes], cancel: Event) -> HubError | None:
        """Waits for the end; an error where it had to be brought about."""
        seconds = self._limits.timeout_seconds
        deadline = time.monotonic() + seconds
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
                return None
            if cancel.is_set():
                _kill(process)
                return HubError("The fetch was ended: the daemon is stopping.", is_transient=True)
            if time.monotonic() > deadline:
                _kill(process)
                return HubError(
                    f"The fetch was ended: it took longer than {seconds:g} s.",
                    hint="raise timeout_seconds in the [hub] table if the server is slow",
                    is_transient=True,
                )


def _believe(handle: str, status: int, content: bytes, said: str) -> None:
    """Takes the reply for what it says, where it is one.

    Raises:
        HubError: the fetch failed, or its reply is none.
    """
    try:
        reply = _REPLY.validate_json(content, strict=True)
    except ValidationError:
        reply = None
    if status != 0 or reply is None:
        last = printable(said[-_LAST_WORDS:])
        raise HubError(
            f"{shown(handle)}: the fetching process ended with status {status} and without a "
            f"reply: {last or 'it said nothing'}",
            hint="nothing; it is tried again by itself",
            is_transient=True,
        )
    if isinstance(reply, _Failure):
        raise HubError(
            printable(reply.message), hint=printable(reply.hint), is_transient=reply.is_transient
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _memory(name: str) -> Iterator[int]:
    """A file without a place on disk, bounded by the child's limit on files and memory."""
    descriptor = os.memfd_create(name)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _head(descriptor: int, most: int, *, from_end: bool = False) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, most, max(0, size - most) if from_end else 0)
