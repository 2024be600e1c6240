"""Reads the tokens of the HTTP door from files and systemd credentials; keeps only their hashes."""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflited.domain.access import Scope, TokenSource
from tflited.errors import CannotStartError

SHORTEST_CHARACTERS: Final = 16
_LONGEST_BYTES: Final = 4096
_FORBIDDEN_MODE: Final = stat.S_IRWXO | stat.S_IWGRP
_FORM: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
"""``b64token`` of RFC 6750, section 2.1: what fits into an Authorization header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token as it is compared; its secret is not in here.

    Attributes:
        name: for limits and messages.
        digest: SHA-256 of the secret.
        scopes: what it allows.
    """

    name: str
    digest: bytes
    scopes: frozenset[Scope]


def load_tokens(sources: Iterable[TokenSource]) -> tuple[Token, ...]:
    """Reads every token.

    Args:
        sources: where they are; credentials lie below ``$CREDENTIALS_DIRECTORY`` (systemd.exec(5)).

    Raises:
        CannotStartError: one cannot be read, is open to other users, or is no token.
    """
    return tuple(
        Token(
            name=source.name,
            digest=_hashed(_secret(source.name, _place(source))),
            scopes=frozenset(source.scopes),
        )
        for source in sources
    )


def find_token(tokens: Iterable[Token], secret: str) -> Token | None:
    """The token of a secret; takes equally long for every wrong one."""
    digest, found = _hashed(secret.encode("utf-8", "surrogateescape")), None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            found = token
    return found


def _place(source: TokenSource) -> Path:
    if source.file is not None:
        return source.file
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise CannotStartError(
            f"token {source.name}: credential {source.credential}: no $CREDENTIALS_DIRECTORY.",
            hint=f"add LoadCredential={source.credential}:PATH to the unit, or name a file",
        )
    return Path(folder, source.credential)


def _secret(name: str, path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            content = stream.read(_LONGEST_BYTES + 1) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise CannotStartError(
            f"token {name}: {path}: {error.strerror}.",
            hint="the file must be readable for the service's user",
        ) from error
    if mode & _FORBIDDEN_MODE:
        raise CannotStartError(
            f"token {name}: {path}: observed mode {stat.S_IMODE(mode):04o}, allowed none for other"
            " users and no writing for the group.",
            hint=f"chmod 600 {path}, and take another token: this one may be known",
        )
    secret = content.strip()
    is_long_enough = len(secret) >= SHORTEST_CHARACTERS and len(content) <= _LONGEST_BYTES
    if not is_long_enough or not _FORM.fullmatch(secret):
        raise CannotStartError(
            f"token {name}: {path}: observed {len(secret)} bytes that are no token, allowed"
            f" {SHORTEST_CHARACTERS} to {_LONGEST_BYTES} letters, digits and . _ ~ + / - =.",
            hint=f"openssl rand -hex 32 > {path}",
        )
    return secret


def _hashed(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
