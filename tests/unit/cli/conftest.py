"""Owns the folders and the served daemon that the tests of the commands talk to."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from fakes.control import FakeControl
from fakes.http_client import Daemon, serve
from tflited.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's own configuration plays no part, and tables are wide."""
    monkeypatch.delenv("TFLITED_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A command that sets up logging does so for its test only."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for ``--directory``, with an empty root."""
    (tmp_path / "models").mkdir()
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture
def daemon(folder: Path) -> Iterator[Daemon]:
    """The double of the engine behind the socket of the folder's configuration."""
    control = FakeControl()
    path = folder / "state" / "tflited.sock"
    server = serve(control, path)
    server.start()
    yield Daemon(control, server, path)
    server.stop(5)


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the folder; gives its exit code, output and error output."""

    def run_command(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--directory", str(folder)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run_command
