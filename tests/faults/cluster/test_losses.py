"""The program that takes a cluster apart, with a few models."""

from pathlib import Path

from faults.cluster.losses import Losses


def test_every_part_may_be_lost(tmp_path: Path) -> None:
    """Killed worker, scheduler, daemon, a stopped worker: each model is published once."""
    report = Losses(tmp_path, 15).run()
    assert report["equal_files"] == 15 * 9
    assert report["failures"]["worker_lost"] >= 1
