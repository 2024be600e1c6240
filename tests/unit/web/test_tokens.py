"""Tokens: where they may lie, what they must look like, and how they are found again."""

from pathlib import Path

import pytest

from tflited.domain.access import Scope, TokenSource
from tflited.errors import CannotStartError
from tflited.web.tokens import find_token, load_tokens

SECRET = "0123456789abcdef-._~+/=="


def kept(path: Path, content: str = SECRET, mode: int = 0o600) -> TokenSource:
    path.write_text(content)
    path.chmod(mode)
    return TokenSource(name="ci", file=path, scopes=(Scope.WRITE,))


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_private_file_is_read(tmp_path: Path, mode: int) -> None:
    """The service's user, and its group for reading; white space around it is no part of it."""
    [token] = load_tokens([kept(tmp_path / "t", f"{SECRET}\n", mode)])

    assert (token.name, token.scopes) == ("ci", frozenset({Scope.WRITE}))
    assert find_token([token], SECRET) is token
    assert find_token([token], SECRET[:-1]) is None
    assert SECRET not in repr(token)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o620, 0o601])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """The message has the mode and the command that mends it, never the secret."""
    with pytest.raises(CannotStartError, match=f"{mode:04o}") as caught:
        load_tokens([kept(tmp_path / "t", mode=mode)])

    assert "chmod 600" in caught.value.hint
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "short", "two words are no token", "x" * 5000, "ümläut" * 9]
)
def test_what_is_no_token_is_refused(tmp_path: Path, content: str) -> None:
    """A guessable one, and one that fits into no header."""
    with pytest.raises(CannotStartError, match="no token"):
        load_tokens([kept(tmp_path / "t", content)])


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    """Both are told with the path."""
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(CannotStartError, match=str(path)):
            load_tokens([TokenSource(name="ci", file=path)])


def test_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies where the service manager says; without one the unit's line is the hint."""
    kept(tmp_path / "ci.token", mode=0o400)
    source = TokenSource(name="ci", credential="ci.token")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(CannotStartError) as caught:
        load_tokens([source])
    assert "LoadCredential=ci.token" in caught.value.hint

    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert find_token(load_tokens([source]), SECRET) is not None


def test_the_right_one_of_several(tmp_path: Path) -> None:
    """Each is known by its own secret."""
    sources = [kept(tmp_path / name, name + SECRET) for name in "abc"]
    tokens = load_tokens(sources)

    assert find_token(tokens, "b" + SECRET) is tokens[1]
    assert find_token(tokens, "caf\udce9") is None
