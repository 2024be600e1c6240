"""The message about the kernel's limits: which setting, its value, the value needed."""

import errno
from pathlib import Path

import pytest

from tflited.sources import watch_limit
from tflited.sources.watch_limit import shortage, subdirectories


@pytest.fixture
def sysctls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Limits of the test's own, in files as the kernel shows them."""
    folder = tmp_path / "sys"
    for name, value in (
        ("fs/inotify/max_user_watches", 1000),
        ("user/max_inotify_watches", 400),
        ("fs/inotify/max_user_instances", 128),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{value}\n", encoding="ascii")
    monkeypatch.setattr(watch_limit, "_SYSCTLS", folder)
    return folder


@pytest.mark.usefixtures("sysctls")
def test_the_tightest_limit_and_every_folder_below_are_told(tmp_path: Path) -> None:
    """Whoever is refused has used up the limit: what is left out comes on top."""
    for name in ("a/b/c", "a/.hidden/d", "e"):
        (tmp_path / "models" / name).mkdir(parents=True)
    found = shortage(tmp_path / "models", {"a": errno.ENOSPC, "e": errno.ENOSPC})
    assert (found.sysctl, found.allowed) == ("user.max_inotify_watches", 400)
    assert (found.directories, found.needed) == (4, 404)
    assert "sysctl -w user.max_inotify_watches=404 (now 400)" in found.hint


@pytest.mark.usefixtures("sysctls")
def test_a_missing_instance_is_told_by_its_own_limit(tmp_path: Path) -> None:
    """One more is enough."""
    found = shortage(tmp_path, {"": errno.EMFILE})
    assert (found.sysctl, found.needed) == ("fs.inotify.max_user_instances", 129)


def test_links_and_hidden_folders_are_not_walked(tmp_path: Path) -> None:
    """They hold no part of a model."""
    for name in ("net", ".git", "@eaDir"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    assert subdirectories(str(tmp_path)) == [str(tmp_path / "net")]
