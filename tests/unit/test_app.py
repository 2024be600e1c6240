"""The daemon's life, as far as it needs no process of its own."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tflited import app
from tflited.errors import CannotStartError, StoreCorruptError
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


def test_a_store_found_damaged_is_repaired_by_the_next_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon ends, and leaves a note for it."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the test's own stay
    daemon = app.Daemon(settings, lambda: settings)
    monkeypatch.setattr(daemon, "_start", lambda: None)
    monkeypatch.setattr(daemon, "_stop", lambda: None)
    daemon._made.engine.fatal = StoreCorruptError("Job 7 cannot be read.")
    with pytest.raises(StoreCorruptError):
        daemon.run()
    daemon._made.store.close()
    daemon._made.lock.release()
    again = app.Daemon(settings, lambda: settings)
    assert len(list(settings.state.glob("*.corrupt-*"))) == 1
    again._made.store.close()
    again._made.lock.release()


@pytest.mark.usefixtures("lock")
def test_a_second_daemon_is_refused(settings: Settings) -> None:
    """One state folder has one daemon."""
    with pytest.raises(CannotStartError, match=str(settings.state)):
        app.Daemon(settings, lambda: settings)
