"""A short soak, so that the long one (``make soak``) is known to work."""

from pathlib import Path

import pytest

from soak.run import Plan, soak


@pytest.mark.requires_program("rsync", "apt-get install rsync")
def test_nothing_is_mixed_missed_or_unexplained(tmp_path: Path) -> None:
    """Random changes by several writers end with every model published as it is on disk."""
    plan = Plan(seconds=12, models=12, writers=3, seed=7, pause_seconds=1.0, generations=8)
    figures = soak(plan, tmp_path)
    assert not figures["wrong"]
    assert figures["builds"] > 0
    assert figures["states"]["whole"] > 0
