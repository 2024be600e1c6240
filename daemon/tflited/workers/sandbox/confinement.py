"""Owns what the layers need to know of one child, and what they note while they work."""

import os
from dataclasses import dataclass, field

from tflited.domain.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What the layers need to know of one child.

    Attributes:
        parent_pid: process that must still be the parent.
        scratch: the one directory the child may write.
        noise_fd: where its standard output and error go.
        kept_fds: descriptors that stay open beside the standard ones.
        limits: of the attempt's policy.
        threads: processor threads it may use.
        readable: files and folders of the request that the child may read.
        may_spawn: whether it may start the interpreter again, which inherits every layer.
    """

    parent_pid: int
    scratch: str
    noise_fd: int
    kept_fds: tuple[int, ...]
    limits: Limits
    threads: int
    readable: tuple[str, ...] = ()
    may_spawn: bool = False


@dataclass(slots=True, kw_only=True)
class Taken:
    """What the layers found and did, for the comparison at the end.

    Attributes:
        status_fd: ``/proc/self/status``, opened while it could be.
        cmdline_fd: keeps the rule on ``/proc/self/cmdline`` alive: it holds for the open file.
        namespaces: name to inode before any was left.
        has_own_namespaces: whether new ones were entered; None before that was tried.
        has_user_namespace: whether a user namespace came with them.
    """

    status_fd: int = -1
    cmdline_fd: int = -1
    namespaces: dict[str, int] = field(default_factory=dict)
    has_own_namespaces: bool | None = None
    has_user_namespace: bool = False

    def status(self) -> dict[str, str]:
        """The kernel's account of this process, now."""
        text = os.pread(self.status_fd, 16_384, 0).decode("ascii", "replace")
        pairs = (line.partition(":") for line in text.splitlines())
        return {name: value.strip() for name, _, value in pairs}
