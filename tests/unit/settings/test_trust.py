"""Keys that let code run: who may name them, and where."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tflited.domain.job import TriggerSource
from tflited.domain.policy import Policy
from tflited.domain.trigger import Trigger
from tflited.errors import ConfigurationError, TriggerRefusedError
from tflited.settings.load import load
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies

Write = Callable[[str, str], Path]
SettingsOf = Callable[[str], Settings]
TRUSTED = "trusted = true\n"
MODULE = 'custom_objects = "layers.py"\n'
LAMBDA = "allow_lambda = true\n"


def resolve(settings: Settings) -> Policy:
    return FolderPolicies(settings).resolve(settings.roots[0], "vision/net.keras").policy


def ask(settings: Settings, **override: Any) -> Policy:
    trigger = Trigger(id="t-1", path="x", override=override, source=TriggerSource.CLI)
    resolver = FolderPolicies(settings)
    return resolver.resolve_trigger(settings.roots[0], "vision/net.keras", trigger).policy


def test_no_root_is_trusted_by_itself(settings_of: SettingsOf) -> None:
    """Trust is a word of the main file."""
    assert not settings_of("").roots[0].is_trusted
    assert settings_of(TRUSTED).roots[0].is_trusted


def test_the_main_file_may_name_a_module(settings_of: SettingsOf, tmp_path: Path) -> None:
    """For any root; the path is relative to the file."""
    settings = settings_of(f"[policy.default]\n{MODULE}")
    assert resolve(settings).custom_objects == str(tmp_path / "layers.py")


@pytest.mark.parametrize(("key", "text"), [("custom_objects", MODULE), ("allow_lambda", LAMBDA)])
def test_a_folder_below_an_untrusted_root_may_not(
    settings_of: SettingsOf, write: Write, key: str, text: str
) -> None:
    """Whoever may drop a model would run code; the problem says what would allow it."""
    file = write("models/vision/.tflited.toml", text)
    with pytest.raises(ConfigurationError) as refused:
        resolve(settings_of(""))
    (problem,) = refused.value.problems
    assert (problem.file, problem.key) == (str(file), key)
    assert "trusted = true" in problem.allowed


def test_a_folder_below_a_trusted_root_may(
    settings_of: SettingsOf, write: Write, tmp_path: Path
) -> None:
    """Relative to the file that names it."""
    write("models/vision/.tflited.toml", MODULE + LAMBDA)
    policy = resolve(settings_of(TRUSTED))
    assert policy.custom_objects == f"{tmp_path}/models/vision/layers.py"
    assert policy.allow_lambda


@pytest.mark.parametrize("text", ["../../layers.py", "/etc/layers.py"])
def test_a_module_stays_inside_the_roots(settings_of: SettingsOf, write: Write, text: str) -> None:
    """As data does, even where the root is trusted."""
    write("models/vision/.tflited.toml", f'custom_objects = "{text}"\n')
    with pytest.raises(ConfigurationError, match="inside a root"):
        resolve(settings_of(TRUSTED))


def test_a_module_does_not_leave_by_a_link(
    settings_of: SettingsOf, write: Write, tmp_path: Path
) -> None:
    """The file itself may be the link."""
    write("models/.tflited.toml", MODULE)
    (tmp_path / "models/layers.py").symlink_to(write("outside.py", ""))
    with pytest.raises(ConfigurationError, match="inside a root"):
        resolve(settings_of(TRUSTED))


def test_a_module_of_an_untrusted_root_is_refused(settings_of: SettingsOf, write: Write) -> None:
    """A trusted folder cannot hand its trust to one that anybody may write."""
    write("models/.tflited.toml", 'custom_objects = "../drop/layers.py"\n')
    settings = settings_of(f'{TRUSTED}[[root]]\npath = "drop"\n')
    with pytest.raises(ConfigurationError, match="a root that is trusted itself"):
        resolve(settings)


def test_a_lambda_needs_a_trusted_root_whoever_allows_it(settings_of: SettingsOf) -> None:
    """It comes with the model, so the main file's word alone is not enough."""
    text = f"[policy.default]\n{LAMBDA}"
    assert resolve(settings_of(TRUSTED + text)).allow_lambda
    with pytest.raises(ConfigurationError, match="allow_lambda"):
        resolve(settings_of(text))


def test_two_roots_with_the_same_policy_are_told_apart(
    settings_of: SettingsOf,
) -> None:
    """Merged policies are kept for all roots; trust is not."""
    settings = settings_of(f'{TRUSTED}[[root]]\npath = "drop"\n[policy.default]\n{LAMBDA}')
    resolver = FolderPolicies(settings)
    assert resolver.resolve(settings.roots[0], "x").policy.allow_lambda
    with pytest.raises(ConfigurationError):
        resolver.resolve(settings.roots[1], "x")


@pytest.mark.parametrize("override", [{"custom_objects": "layers.py"}, {"allow_lambda": True}])
def test_a_trigger_needs_a_trusted_root(
    settings_of: SettingsOf, tmp_path: Path, override: dict[str, Any]
) -> None:
    """The same rule for whoever may send a trigger; relative paths are below the root."""
    with pytest.raises(TriggerRefusedError, match=next(iter(override))):
        ask(settings_of(""), **override)
    policy = ask(settings_of(TRUSTED), **override)
    assert policy.allow_lambda or policy.custom_objects == f"{tmp_path}/models/layers.py"


def test_a_nearer_file_may_take_it_away(settings_of: SettingsOf, write: Write) -> None:
    """Switching off needs no trust."""
    write("models/vision/.tflited.toml", 'custom_objects = ""\nallow_lambda = false\n')
    assert resolve(settings_of(f"[policy.default]\n{MODULE}")) == Policy()


@pytest.mark.parametrize("value", ["layers", "layers.pyc", ".py", "~/layers.py"])
def test_a_module_is_a_python_file(problems_of: Callable[[str], Any], value: str) -> None:
    """A folder or a name as in an import statement is told at once."""
    text = f'[[root]]\npath = "models"\n[policy.a]\ncustom_objects = "{value}"\n'
    assert "policy.a.custom_objects" in problems_of(text)


def test_an_empty_tag_set_can_be_named(write: Write) -> None:
    """As modules of TensorFlow 1 have it."""
    text = '[[root]]\npath = "models"\n[policy.default]\ntags = []\n'
    assert resolve(load(path=write("tflited.toml", text))).tags == ()
