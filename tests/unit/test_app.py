"""The daemon's life, as far as it needs no process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tflited import app
from tflited.errors import CannotStartError
from tflited.settings.load import load
from tflited.settings.model import Settings
from tflited.store.lock import StateLock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The embedded defaults below the test's folder."""
    return load(path=None, directory=tmp_path)


@pytest.fixture
def lock(settings: Settings) -> Iterator[StateLock]:
    """The state folder's lock, held by another."""
    settings.state.mkdir()
    held = StateLock(settings.state)
    yield held
    held.release()


@pytest.mark.usefixtures("lock")
def test_a_second_daemon_is_refused(settings: Settings) -> None:
    """One state folder has one daemon."""
    with pytest.raises(CannotStartError, match=str(settings.state)):
        app.Daemon(settings, lambda: settings)
