"""A served daemon for every test of the HTTP interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.control import FakeControl
from fakes.http_client import Daemon, serve


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    control = FakeControl()
    server = serve(control, tmp_path / "control.sock")
    server.start()
    yield Daemon(control, server, tmp_path / "control.sock")
    server.stop(5)
