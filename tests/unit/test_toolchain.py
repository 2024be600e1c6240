"""The toolchain's versions and what the machine bears."""

import os
from importlib.metadata import version

import pytest

from tflited import toolchain

GIB = 1 << 30


def test_versions_are_those_installed() -> None:
    """They are read without importing the libraries."""
    assert toolchain.versions()["tensorflow"] == version("tensorflow")


def test_a_missing_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as absent, and changes the build key."""
    monkeypatch.setattr(toolchain, "_DISTRIBUTIONS", ("no-such-distribution",))
    monkeypatch.setattr(toolchain, "OPTIONAL", ())
    assert toolchain.versions() == {"no-such-distribution": "absent"}


@pytest.mark.parametrize(
    ("processors", "memory_gib", "workers"),
    [(4, 64, 4), (4, 5, 2), (1, 64, 1), (4, 1, 1), (64, 512, 8)],
)
def test_automatic_workers(
    monkeypatch: pytest.MonkeyPatch, processors: int, memory_gib: int, workers: int
) -> None:
    """The scarcer of processors and memory decides, from one to eight."""
    sizes = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": memory_gib * GIB}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    assert toolchain.automatic_workers() == workers
