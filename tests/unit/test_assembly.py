"""The composition root: folders, and parts that a reload exchanges."""

from pathlib import Path

import pytest

from tflited import assembly
from tflited.errors import CannotStartError
from tflited.settings.load import load
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The embedded defaults below the test's folder."""
    return load(path=None, directory=tmp_path)


def test_folders_are_made(settings: Settings) -> None:
    """State and output come with their parents."""
    assembly._make_folders(settings)
    assert settings.state.is_dir()
    assert settings.output.is_dir()


def test_a_file_in_a_folders_place(settings: Settings) -> None:
    """It cannot start, and the path is named."""
    settings.state.write_text("a file")
    with pytest.raises(CannotStartError, match="state"):
        assembly._make_folders(settings)


def test_policies_follow_a_reload(tmp_path: Path, settings: Settings) -> None:
    """What is put in their place holds at once."""
    path = tmp_path / "tflited.toml"
    text = '[[root]]\nname = "models"\npath = "models"\n[policy.default]\nvariants = ["float16"]\n'
    path.write_text(text)
    policies, root = assembly.CurrentPolicies(settings), settings.roots[0]
    before = policies.resolve(root, "net").policy.variants
    reloaded = load(path=path, directory=None)
    policies.current = FolderPolicies(reloaded)
    after = policies.resolve(reloaded.roots[0], "net").policy.variants
    assert len(before) == 3
    assert [variant.value for variant in after] == ["float16"]


def test_files_of_the_state_folder(settings: Settings) -> None:
    """The job store and the spool lie in it."""
    assert {path.parent for path in assembly.state_files(settings)} == {settings.state}
