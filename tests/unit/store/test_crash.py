"""What survives when the process dies without a word."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.samples import NOON
from tflited.domain.job import JobState
from tflited.store.queue import SqliteStore

WRITER = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from fakes.samples import NOON, a_new_job
from tflited.store.queue import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
{steps}
os.kill(os.getpid(), signal.SIGKILL)
"""
TESTS = Path(__file__).parents[2]


def die_after(path: Path, steps: str) -> bytes:
    """Runs steps in a process that is killed right after them; gives what it printed."""
    ended = subprocess.run(
        [sys.executable, "-c", WRITER.format(steps=steps), str(path), str(TESTS)],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    return ended.stdout


def test_an_accepted_job_survives_the_process(tmp_path: Path) -> None:
    """When accept has returned, the job is there."""
    path = tmp_path / "jobs.sqlite"
    die_after(path, "store.accept(a_new_job(trigger_id='t'), NOON)")
    with SqliteStore(path) as store:
        job = store.job_of_trigger("t")
        assert job is not None
        assert job.state is JobState.QUEUED


def test_a_claimed_job_survives_the_process(tmp_path: Path) -> None:
    """Taking work removes nothing: the next start finds it and puts it back."""
    path = tmp_path / "jobs.sqlite"
    die_after(path, "store.accept(a_new_job(), NOON); store.claim(NOON)")
    with SqliteStore(path) as store:
        (job,) = store.recover()
        assert (job.state, job.attempts) == (JobState.QUEUED, 1)


def test_an_unfinished_transaction_leaves_nothing(tmp_path: Path) -> None:
    """A death between superseding and adding loses neither job."""
    path = tmp_path / "jobs.sqlite"
    steps = """
store.accept(a_new_job(), NOON)
store._insert = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store.accept(a_new_job(), NOON)
"""
    die_after(path, steps)
    with SqliteStore(path) as store:
        assert [job.state for job in store.jobs()] == [JobState.QUEUED]


@pytest.mark.parametrize("kill_at", [1, 7, 20])
def test_every_acknowledged_job_is_there_after_a_kill(tmp_path: Path, kill_at: int) -> None:
    """Whatever number was told to the outside is in the file, wherever the process died."""
    path = tmp_path / "jobs.sqlite"
    steps = f"""
for number in range({kill_at}):
    job = store.accept(a_new_job(f"m{{number}}"), NOON)
    os.write(1, f"{{job.id}} ".encode())
"""
    told = [int(number) for number in die_after(path, steps).split()]
    assert len(told) == kill_at
    with SqliteStore(path) as store:
        assert [job.id for job in reversed(store.jobs())] == told
        assert store.claim(NOON) is not None
