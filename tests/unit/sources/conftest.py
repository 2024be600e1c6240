"""Fixtures for tests of the sources."""

from pathlib import Path

import pytest

from tflited.domain.ports import Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """An empty root."""
    folder = tmp_path / "models"
    folder.mkdir()
    return Root(name="models", path=folder)
