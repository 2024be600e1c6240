"""Decides for each request whether it may read or write, by its transport and its token."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tflited.domain.access import HttpRules, Scope
from tflited.web.answers import RequestError, retry_after
from tflited.web.guard import is_from_socket, is_loopback, local_address
from tflited.web.rate import Buckets
from tflited.web.sessions import COOKIE, Session, Sessions
from tflited.web.tokens import Token, find_token

_WRONG_PER_MINUTE: Final = 10.0
_WRONG_BURST: Final = 10
_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token of the configuration. The control socket needs none, nor does reading on "
    "loopback unless the configuration says so.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
FORM_TOKEN: Final = "form_token"  # noqa: S105  # a field's name
"""The field that a session's forms carry; the header ``X-Form-Token`` stands for it elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks at a page.

    Attributes:
        name: of the token; empty for who gave none.
        may_write: whether forms that change something are taken.
        form_token: what those forms must carry; empty where they need not.
        has_session: whether there is one that can be ended.
        can_begin: whether there is a token that a session could be begun with.
    """

    name: str = ""
    may_write: bool = False
    form_token: str = ""
    has_session: bool = False
    can_begin: bool = False


class Access:
    """Checks requests; used on the event loop only.

    Args:
        rules: what the configuration says.
        tokens: who may ask.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        rules: HttpRules,
        tokens: Iterable[Token],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._tokens = tuple(tokens)
        self._writes = Buckets(
            per_minute=rules.writes_per_minute, burst=rules.write_burst, clock=clock
        )
        self._sessions = Sessions(clock)
        self._wrong = Buckets(per_minute=_WRONG_PER_MINUTE, burst=_WRONG_BURST, clock=clock)

    async def read(self, request: Request, credentials: Credentials) -> None:
        """Lets a request pass that reads.

        Raises:
            RequestError: it needs a token, or its token is wrong or for something else.
        """
        self._check(request, credentials, Scope.READ)

    async def write(self, request: Request, credentials: Credentials) -> None:
        """Lets a request pass that changes something.

        Raises:
            RequestError: as for ``read``, or its token was used too often, or a session's request
                does not carry its form token.
        """
        self.admit_form(request, credentials, request.headers.get("x-form-token", ""))

    def admit_form(
        self, request: Request, credentials: HTTPAuthorizationCredentials | None, form_token: str
    ) -> None:
        """Lets a form pass that changes something.

        Args:
            request: what is asked.
            credentials: of its Authorization header.
            form_token: what the form carries.

        Raises:
            RequestError: as for ``write``.
        """
        token = self._check(request, credentials, Scope.WRITE)
        session = self._session(request)
        if session is not None and token is session.token and not session.is_own(form_token):
            raise _foreign_form(request)
        if token is not None and (wait := self._writes.take(token.name)):
            raise _too_many(f"writes with token {token.name}", wait)

    def visitor(self, request: Request) -> Visitor:
        """Who looks at a page, as far as a browser tells it."""
        if is_from_socket(request.scope):
            return Visitor(may_write=True)
        session = self._session(request)
        can_begin = any(Scope.WRITE in token.scopes for token in self._tokens)
        if session is None:
            return Visitor(can_begin=can_begin)
        return Visitor(
            name=session.token.name,
            may_write=Scope.WRITE in session.token.scopes,
            form_token=session.form_token,
            has_session=True,
            can_begin=can_begin,
        )

    @property
    def has_tokens(self) -> bool:
        """Whether there is any token to begin a session with."""
        return bool(self._tokens)

    def begin_session(self, request: Request, secret: str) -> str:
        """Begins a session for a token.

        Returns:
            The secret for the cookie.

        Raises:
            RequestError: the token is unknown, or too many unknown ones were tried.
        """
        token = self._known(request, secret)
        if token is None:
            raise _unknown_token()
        self._sessions.end(request.cookies.get(COOKIE, ""))
        return self._sessions.begin(token)

    def end_session(self, request: Request, form_token: str) -> None:
        """Ends the session of a browser, if there is one.

        Raises:
            RequestError: the form is not the session's own.
        """
        session = self._session(request)
        if session is not None and not session.is_own(form_token):
            raise _foreign_form(request)
        self._sessions.end(request.cookies.get(COOKIE, ""))

    def _session(self, request: Request) -> Session | None:
        """The session of a request; a header of its own says who asks before any cookie does."""
        is_told = "authorization" in request.headers or is_from_socket(request.scope)
        return None if is_told else self._sessions.find(request.cookies.get(COOKIE, ""))

    def _check(
        self, request: Request, credentials: HTTPAuthorizationCredentials | None, scope: Scope
    ) -> Token | None:
        if is_from_socket(request.scope):
            return None
        session = self._session(request)
        if session is None and "authorization" not in request.headers:
            if scope is Scope.READ and self._is_open(request):
                return None
            raise _unauthorised(request, "no token", scope)
        secret = credentials.credentials if credentials is not None else ""
        token = session.token if session is not None else self._known(request, secret)
        if token is None:
            raise _unauthorised(request, "an unknown token", scope)
        is_allowed = scope in token.scopes or (
            session is not None and self._is_open_to(request, scope)
        )
        if not is_allowed:
            raise _forbidden(request, token, scope)
        return token

    def _is_open_to(self, request: Request, scope: Scope) -> bool:
        """Whether a session may do what everybody may; a token that is sent must be for it."""
        return scope is Scope.READ and self._is_open(request)

    def _is_open(self, request: Request) -> bool:
        """Whether reading needs no token: a connection to loopback comes from this machine."""
        is_local = is_loopback(local_address(request.scope))
        return is_local and not self._rules.require_token_for_reading

    def _known(self, request: Request, secret: str) -> Token | None:
        """The token of a secret; whoever has a right one is not held off by those who guess."""
        token = find_token(self._tokens, secret)
        peer = request.client.host if request.client is not None else ""
        if token is None and (wait := self._wrong.take(peer)):
            raise _too_many(f"wrong tokens from {peer}", wait)
        return token


def _what(request: Request) -> str:
    return f"{request.method} {request.url.path}"


def _unauthorised(request: Request, observed: str, scope: Scope) -> RequestError:
    return RequestError(
        401,
        "unauthorised",
        f"{_what(request)}: observed {observed}, allowed a token with the scope {scope}",
        hint='send "Authorization: Bearer TOKEN" with a [[http.token]] of the configuration, in a'
        " browser begin a session at /session, or use the control socket: the tflited command, curl"
        " --unix-socket",
        headers={"WWW-Authenticate": 'Bearer realm="tflited"'},
    )


def _forbidden(request: Request, token: Token, scope: Scope) -> RequestError:
    scopes = ", ".join(sorted(token.scopes))
    return RequestError(
        403,
        "missing_scope",
        f"{_what(request)}: observed token {token.name} with {scopes}, allowed one with {scope}",
        hint=f'add "{scope}" to the scopes of its [[http.token]]',
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


def _unknown_token() -> RequestError:
    return RequestError(
        403,
        "unknown_token",
        "session: observed an unknown token, allowed one of the configuration",
        hint="paste the content of the file that a [[http.token]] names",
    )


def _foreign_form(request: Request) -> RequestError:
    return RequestError(
        403,
        "foreign_form",
        f"{_what(request)}: observed another form token than the session's",
        hint="load the page again: the form is from another session, or from elsewhere",
    )


def _too_many(what: str, wait_seconds: float) -> RequestError:
    return RequestError(
        429,
        "too_many",
        f"{what}: observed more than the limit",
        hint="wait as long as Retry-After says",
        headers=retry_after(wait_seconds),
    )
