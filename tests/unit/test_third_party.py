"""Tests of the folder of third-party models."""

from collections.abc import Callable
from pathlib import Path

import pytest

import third_party as wheels


def test_gives_the_unpacked_files_of_a_package(third_party: Callable[[str], Path]) -> None:
    """A package's folder holds the files of its wheel, the metadata among them."""
    folder = third_party("ecg-quality")
    assert any(path.name == "METADATA" for path in folder.rglob("METADATA"))


def test_downloads_nothing_twice(
    third_party: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look finds the folder of the first and starts no download."""
    first = third_party("basic-pitch")

    def refuse(destination: Path) -> None:
        pytest.fail(f"A second download to {destination}")

    monkeypatch.setattr(wheels, "_download", refuse)
    assert third_party("basic-pitch") == first
