"""What readers see while sets are swapped under them."""

import json
import subprocess
import sys
from pathlib import Path

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.policy import OutputRules, Policy
from tflited.output.tree import OutputTree

READER = Path(__file__).with_name("set_reader.py")
SWAPS = 150


def swap(tree: OutputTree, folder: Path, job_id: int) -> None:
    # A slow reader's folder may be many swaps old: the grace keeps what the policy does not.
    policy = Policy(output=OutputRules(keep_builds=1))
    scratch = folder / str(job_id)
    report = a_left_set(scratch, mark=str(job_id), size=20_000)
    tree.publish(a_job(job_id), policy, a_publish_key(str(job_id)), report, scratch)


def test_readers_never_see_a_mixture(tmp_path: Path) -> None:
    """Two processes read while one swaps: every set they opened was one build, complete."""
    tree = OutputTree(tmp_path / "output", reserve_bytes=0)
    swap(tree, tmp_path, 1)
    readers = [
        subprocess.Popen(
            [sys.executable, READER, tree.directory(MODEL)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for job_id in range(2, SWAPS):
        swap(tree, tmp_path, job_id)
        tree.collect()
    for reader in readers:
        output, _ = reader.communicate(timeout=60)
        seen = json.loads(output)
        assert (seen["mixed"], seen["incomplete"], seen["absent"]) == (0, 0, 0)
        assert seen["whole"] > SWAPS
