"""A program for test_crash.py: publishes over a set and kills itself at every durable step.

Called as ``dying_publisher.py FOLDER exchange`` or, as on a file system that cannot exchange
directories, ``dying_publisher.py FOLDER links``. For step 1, 2, … a forked child publishes job 3
over job 2 in a tree of its own, pruning job 1, and dies right before or right after that step.
Prints one line for each child: its tree, and whether it died.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from fakes.samples import a_job, a_left_set, a_publish_key
from tflited.domain.policy import OutputRules, Policy
from tflited.output import rename
from tflited.output.tree import OutputTree


def publish(folder: Path, job_id: int) -> None:
    """One publication, with the job's number in every byte."""
    scratch = folder / "scratch" / str(job_id)
    report = a_left_set(scratch, mark=str(job_id))
    policy = Policy(output=OutputRules(keep_builds=2))
    tree = OutputTree(folder / "output", reserve_bytes=0)
    tree.publish(a_job(job_id), policy, a_publish_key(str(job_id)), report, scratch)


def deadly(call: Callable[..., Any], steps: list[int], *, die_at: int, is_after: bool) -> Any:
    """The call, counted; the chosen one is the process's last."""

    def counted(*arguments: Any, **options: Any) -> Any:
        steps.append(1)
        if len(steps) == die_at and not is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*arguments, **options)
        finally:
            if len(steps) == die_at and is_after:
                os.kill(os.getpid(), signal.SIGKILL)

    return counted


def die(folder: Path, die_at: int, *, is_after: bool) -> None:
    """Publishes job 3 and dies at a step, if there are as many."""
    steps: list[int] = []
    names = ("fsync", "unlink", "rmdir", "rename", "symlink")
    for owner, name in ((rename, "_renameat2"), *((os, name) for name in names)):
        call = getattr(owner, name)
        setattr(owner, name, deadly(call, steps, die_at=die_at, is_after=is_after))
    publish(folder, 3)


def _cannot_exchange(directory: Path) -> bool:
    return False


def main(folder: Path, kind: str) -> None:
    """Dies at one step after the other until a child survives."""
    if kind == "links":
        rename.can_exchange = _cannot_exchange
    for is_after in (False, True):
        for die_at in range(1, 1000):
            tree = folder / f"{die_at}{'a' if is_after else 'b'}"
            publish(tree, 1)
            publish(tree, 2)
            child = os.fork()
            if child == 0:
                die(tree, die_at, is_after=is_after)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            code = os.waitstatus_to_exitcode(status)
            sys.stdout.write(f"{tree} {code}\n")
            if code == 0:
                break


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
