"""The lock of a state folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tflited.errors import CannotStartError
from tflited.store.lock import StateLock

HOLDER = """
import sys
from pathlib import Path
from tflited.store.lock import StateLock
lock = StateLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_daemon_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    """The message names the process to stop; after its death the folder is free."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CannotStartError, match=f"process {holder.pid}"):
            StateLock(tmp_path)
        holder.kill()
        holder.wait()
        StateLock(tmp_path).release()


def test_a_released_folder_is_free(tmp_path: Path) -> None:
    """The lock ends with the block, and releasing twice is allowed."""
    with StateLock(tmp_path) as lock:
        pass
    lock.release()
    StateLock(tmp_path).release()


def test_the_holder_is_written_down(tmp_path: Path) -> None:
    """A long number of an earlier holder leaves nothing behind."""
    (tmp_path / "tflited.lock").write_text("99999999999999\n")
    with StateLock(tmp_path):
        assert (tmp_path / "tflited.lock").read_text() == f"{os.getpid()}\n"


def test_a_holder_that_wrote_nothing_is_unknown(tmp_path: Path) -> None:
    """A lock without a number is still a lock."""
    with StateLock(tmp_path):
        (tmp_path / "tflited.lock").write_text("")
        with pytest.raises(CannotStartError, match="unknown"):
            StateLock(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The daemon says which folder it wants."""
    with pytest.raises(CannotStartError, match=r"missing/tflited\.lock"):
        StateLock(tmp_path / "missing")


def test_a_link_in_the_locks_place_is_refused(tmp_path: Path) -> None:
    """The lock never writes through a link."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "tflited.lock").symlink_to(victim)
    with pytest.raises(CannotStartError):
        StateLock(tmp_path)
    assert victim.read_text() == "precious"


def test_children_do_not_inherit_the_lock(tmp_path: Path) -> None:
    """A child that outlives the daemon does not keep the folder busy."""
    lock = StateLock(tmp_path)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lock.release()
        StateLock(tmp_path).release()
        child.kill()
