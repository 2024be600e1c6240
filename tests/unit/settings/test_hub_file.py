"""Hub references as files; what the sources make of wrong ones is in unit/sources/test_hub.py."""

from pathlib import Path

import pytest

from tflited.domain.hub import HubReference
from tflited.errors import ConfigurationError
from tflited.settings.hub_file import read_reference

HANDLE = 'handle = "https://hub.example/net/1"\n'


def read(folder: Path, text: str) -> HubReference:
    (folder / "net.hub.toml").write_text(text)
    return read_reference(folder / "net.hub.toml", ("hub.example",))


def test_every_key_is_read(tmp_path: Path) -> None:
    """A list is the only input's shape."""
    more = 'input_shape = [1, 4]\nsignature = "s"\ntags = ["a"]\n'
    assert read(tmp_path, HANDLE + more) == HubReference(
        handle="https://hub.example/net/1", input_shape={"": (1, 4)}, signature="s", tags=("a",)
    )


def test_shapes_by_name(tmp_path: Path) -> None:
    """A table for several inputs."""
    reference = read(tmp_path, HANDLE + "[input_shape]\na = [1]\nb = [2, 3]\n")
    assert reference.input_shape == {"a": (1,), "b": (2, 3)}


def test_a_path_becomes_absolute(tmp_path: Path) -> None:
    """Relative to the file's folder."""
    assert read(tmp_path, 'handle = "../x/./net"\n').handle == str(tmp_path.parent / "x" / "net")
    assert read(tmp_path, 'handle = "/srv/net"\n').handle == "/srv/net"


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    """As for folder policies."""
    (tmp_path / "net.hub.toml").symlink_to("/etc/passwd")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        read_reference(tmp_path / "net.hub.toml", ())
