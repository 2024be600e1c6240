"""Credentials and certificates of a broker."""

from pathlib import Path

import pytest

from tflited.domain.broker import BrokerSettings
from tflited.errors import BrokerError
from tflited.triggers.broker.access import consumer_name, read_access


def settings(**changes: Path) -> BrokerSettings:
    return BrokerSettings(url="redis://h", **changes)  # type: ignore[arg-type]  # paths only


@pytest.mark.parametrize(
    ("text", "expected"),
    [("me:secret\n", ("me", "secret")), ("me:a:b", ("me", "a:b")), ("token\n", ("", "token"))],
)
def test_credentials_are_read(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    """User and password, or a password or token alone."""
    (tmp_path / "c").write_text(text)
    access = read_access(settings(credentials_file=tmp_path / "c"), "me")
    assert (access.user, access.password) == expected


@pytest.mark.parametrize("content", [b"", b"a:b\nc:d\n", b"\xff", b"x" * 5000])
def test_odd_credentials_are_refused_without_their_content(tmp_path: Path, content: bytes) -> None:
    """The reason is told on pages that anybody reads."""
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(BrokerError) as raised:
        read_access(settings(credentials_file=tmp_path / "c"), "me")
    assert str(tmp_path / "c") in raised.value.message
    assert "a:b" not in str(raised.value)


def test_missing_files_are_told(tmp_path: Path) -> None:
    """By the key that names them."""
    with pytest.raises(BrokerError, match="credentials_file"):
        read_access(settings(credentials_file=tmp_path / "none"), "me")
    with pytest.raises(BrokerError, match="ca_file"):
        read_access(BrokerSettings(url="tls://h", ca_file=tmp_path / "none"), "me")


def test_password_is_in_no_text(tmp_path: Path) -> None:
    """Neither in the value's own form nor in a client's words."""
    (tmp_path / "c").write_text("me:hunter2")
    access = read_access(settings(credentials_file=tmp_path / "c"), "me")
    assert "hunter2" not in repr(access)
    assert "hunter2" not in access.without_secrets("WRONGPASS hunter2")


def test_a_daemon_has_the_same_name_after_every_start(tmp_path: Path) -> None:
    """And two on one host have two names."""
    name = consumer_name("g", tmp_path / "a")
    assert name == consumer_name("g", tmp_path / "a")
    assert name != consumer_name("g", tmp_path / "b")
