"""What holds for every test: needed programs, no network, quiet tensorflow, shared fixtures."""

import gc
import os
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import third_party as third_party_wheels
from programs import check_programs

# Read when tensorflow is first imported, in this process or in a child.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# Shared machines stall: a slow example is no failure, and CI repeats the same examples.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104 - compared, never bound


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps what is imported and collected, millions of objects, out of garbage collection.

    Each of its rounds would walk over all of them, and TensorFlow asks for one in every conversion.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips, or on CI fails, a test whose program is missing."""
    check_programs(item)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses every connection that would leave the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            pytest.fail(f"The test tried to reach {address[0]}; tests use no network.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def third_party() -> Callable[[str], Path]:
    """Gives the folder of a third-party package's unpacked wheel, by distribution name."""
    return third_party_wheels.unpacked
