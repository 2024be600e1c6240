"""One daemon that the tests of this folder share, each with models of its own."""

from collections.abc import Iterator

import pytest

from daemon_process import DaemonProcess, running
from log_page import undocumented


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with running(tmp_path_factory.mktemp("daemon")) as started:
        yield started
        assert not undocumented(started.events())
