"""Sessions of browsers: who gave a token once is known by a cookie for a while; kept in memory."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tflited.web.tokens import Token

COOKIE: Final = "tflited-session"
SESSION_SECONDS: Final = 12 * 3600
MOST_SESSIONS: Final = 256
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that gave a token.

    Attributes:
        token: what it may do.
        form_token: a secret that this session's forms carry, and no page from elsewhere knows.
        ends_at: monotonic seconds.
    """

    token: Token
    form_token: str
    ends_at: float

    def is_own(self, form_token: str) -> bool:
        """Whether a form came from a page of this session; takes equally long for every answer."""
        return hmac.compare_digest(
            self.form_token.encode(), form_token.encode("utf-8", "surrogateescape")
        )


class Sessions:
    """Every session there is; used on the event loop only.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_digest: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, token: Token) -> str:
        """Begins a session.

        Returns:
            The secret for the cookie; only its hash is kept.
        """
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        ends_at = self._clock() + SESSION_SECONDS
        form_token = secrets.token_urlsafe(_SECRET_BYTES)
        self._by_digest[_digest(secret)] = Session(
            token=token, form_token=form_token, ends_at=ends_at
        )
        if len(self._by_digest) > MOST_SESSIONS:
            self._by_digest.popitem(last=False)
        return secret

    def find(self, secret: str) -> Session | None:
        """The session of a cookie; None where there is none or it has ended."""
        session = self._by_digest.get(_digest(secret)) if secret else None
        if session is not None and self._clock() >= session.ends_at:
            self.end(secret)
            return None
        return session

    def end(self, secret: str) -> None:
        """Ends a session, if there is one."""
        self._by_digest.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
