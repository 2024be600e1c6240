"""The program that takes a cluster apart, with a few models."""

from pathlib import Path

import pytest

from faults.cluster.losses import Losses


@pytest.mark.timeout(1200)  # conversions, and workers that load TensorFlow again
def test_every_part_may_be_lost(tmp_path: Path) -> None:
    """Killed worker, scheduler, daemon, a stopped worker: each model is published once."""
    report = Losses(tmp_path, 15).run()
    assert report["equal_files"] == 15 * 9
    assert report["failures"]["worker_lost"] >= 1
