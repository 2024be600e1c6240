"""Owns the main files and folders that the settings tests read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tflited.errors import ConfigurationError, Problem
from tflited.settings.load import load
from tflited.settings.model import Settings

ROOT = '[[root]]\nname = "models"\npath = "models"\n'


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a text below the test's folder and returns its path."""

    def write_text(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write_text


@pytest.fixture
def settings_of(write: Callable[[str, str], Path]) -> Callable[[str], Settings]:
    """Loads a main file made of one root and the given text."""
    return lambda text: load(path=write("tflited.toml", ROOT + text))


@pytest.fixture
def problems_of(
    write: Callable[[str, str], Path],
) -> Callable[[str], dict[str, Problem]]:
    """Loads a wrong main file and returns its problems by key."""

    def problems(text: str) -> dict[str, Problem]:
        with pytest.raises(ConfigurationError) as refused:
            load(path=write("tflited.toml", text))
        return {problem.key: problem for problem in refused.value.problems}

    return problems
