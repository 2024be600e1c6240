"""Who may raise a limit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tflited.domain.job import TriggerSource
from tflited.domain.limits import Limits
from tflited.domain.policy import Policy
from tflited.domain.trigger import Trigger
from tflited.errors import ConfigurationError, TriggerRefusedError
from tflited.settings.load import load
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies

Write = Callable[[str, str], Path]
FOLDER = "models/vision/.tflited.toml"


@pytest.fixture
def settings_of(write: Write) -> Callable[[str, str], Settings]:
    """Settings with one root, what follows its table, and named policies."""

    def made(root: str, policies: str) -> Settings:
        text = f'[[root]]\nname = "models"\npath = "models"\n{root}\n{policies}'
        return load(path=write("tflited.toml", text))

    return made


SettingsOf = Callable[[str, str], Settings]
DEFAULT = "[policy.default.limits]\nmemory_bytes = 1000\ncpu_seconds = 0\n"


def limits(settings: Settings) -> Limits:
    return FolderPolicies(settings).resolve(settings.roots[0], "vision/net.keras").policy.limits


def ask(settings: Settings, name: str | None = None, **override: Any) -> Policy:
    trigger = Trigger(
        id="t-1", path="x", policy_name=name, override=override, source=TriggerSource.CLI
    )
    resolver = FolderPolicies(settings)
    return resolver.resolve_trigger(settings.roots[0], "vision/net.keras", trigger).policy


def test_a_folder_may_lower_a_limit(settings_of: SettingsOf, write: Write) -> None:
    """Key by key, like every other key; what the main file leaves open it may close."""
    write(FOLDER, "[limits]\nmemory_bytes = 900\ncpu_seconds = 5\nwall_seconds = 3.5\n")
    found = limits(settings_of("", DEFAULT))
    assert (found.memory_bytes, found.cpu_seconds, found.wall_seconds) == (900, 5, 3.5)
    assert found.model_files == Limits().model_files


@pytest.mark.parametrize("value", [1001, 0])
def test_a_folder_may_not_raise_one(settings_of: SettingsOf, write: Write, value: int) -> None:
    """Whoever drops a bomb would allow it; none at all is the highest."""
    file = write(FOLDER, f"[limits]\nmemory_bytes = {value}\n")
    with pytest.raises(ConfigurationError) as refused:
        limits(settings_of("", DEFAULT))
    (problem,) = refused.value.problems
    assert (problem.file, problem.key) == (str(file), "limits.memory_bytes")
    assert (problem.observed, problem.allowed.split(",")[0]) == (str(value), "at most 1000")


def test_a_folder_below_a_trusted_root_may(settings_of: SettingsOf, write: Write) -> None:
    """Trust is a word of the main file."""
    write(FOLDER, "[limits]\nmemory_bytes = 5000\n")
    assert limits(settings_of("trusted = true", DEFAULT)).memory_bytes == 5000


def test_the_defaults_are_a_ceiling_too(settings_of: SettingsOf, write: Write) -> None:
    """A main file that says nothing about limits still bounds every folder."""
    write(FOLDER, f"[limits]\nmemory_bytes = {Limits().memory_bytes + 1}\n")
    with pytest.raises(ConfigurationError):
        limits(settings_of("", ""))


def test_a_trigger_raises_nothing(settings_of: SettingsOf) -> None:
    """An override is as little trusted as a folder below the root."""
    settings = settings_of("", DEFAULT)
    assert ask(settings, limits={"memory_bytes": 10}).limits.memory_bytes == 10
    with pytest.raises(TriggerRefusedError, match=r"limits\.memory_bytes: observed 2000"):
        ask(settings, limits={"memory_bytes": 2000})


def test_a_trigger_may_name_a_policy_with_more(settings_of: SettingsOf) -> None:
    """The main file's author allowed it under that name; an override stays below that."""
    policies = DEFAULT + "[policy.large.limits]\nmemory_bytes = 9000\n"
    settings = settings_of("", policies)
    assert ask(settings, "large").limits.memory_bytes == 9000
    assert ask(settings, "large", limits={"memory_bytes": 8000}).limits.memory_bytes == 8000
    with pytest.raises(TriggerRefusedError):
        ask(settings, "large", limits={"memory_bytes": 9001})


@pytest.mark.parametrize("text", ["memory_bytes = -1", "memory_bytes = 1.5", 'wall_seconds = "9"'])
def test_limits_are_numbers(settings_of: SettingsOf, write: Write, text: str) -> None:
    """Whole numbers from 0, and seconds."""
    write(FOLDER, f"[limits]\n{text}\n")
    with pytest.raises(ConfigurationError):
        limits(settings_of("", ""))
