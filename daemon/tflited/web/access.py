"""Decides for each request whether it may read or write, by its transport and its token."""

import time
from collections.abc import Callable, Iterable
from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tflited.domain.access import HttpRules, Scope
from tflited.web.answers import RequestError, retry_after
from tflited.web.guard import is_from_socket, is_loopback, local_address
from tflited.web.rate import Buckets
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
            RequestError: as for ``read``, or its token was used too often.
        """
        token = self._check(request, credentials, Scope.WRITE)
        if token is not None and (wait := self._writes.take(token.name)):
            raise _too_many(f"writes with token {token.name}", wait)

    def _check(
        self, request: Request, credentials: HTTPAuthorizationCredentials | None, scope: Scope
    ) -> Token | None:
        if is_from_socket(request.scope):
            return None
        if "authorization" not in request.headers:
            if scope is Scope.READ and self._is_open(request):
                return None
            raise _unauthorised(request, "no token", scope)
        token = self._known(request, credentials)
        if token is None:
            raise _unauthorised(request, "an unknown token", scope)
        if scope not in token.scopes:
            raise _forbidden(request, token, scope)
        return token

    def _is_open(self, request: Request) -> bool:
        """Whether reading needs no token: a connection to loopback comes from this machine."""
        is_local = is_loopback(local_address(request.scope))
        return is_local and not self._rules.require_token_for_reading

    def _known(
        self, request: Request, credentials: HTTPAuthorizationCredentials | None
    ) -> Token | None:
        """The token of a request; whoever has a right one is not held off by those who guess."""
        secret = credentials.credentials if credentials is not None else ""
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
        hint='send "Authorization: Bearer TOKEN" with a [[http.token]] of the configuration, or use'
        " the control socket: the tflited command, curl --unix-socket",
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


def _too_many(what: str, wait_seconds: float) -> RequestError:
    return RequestError(
        429,
        "too_many",
        f"{what}: observed more than the limit",
        hint="wait as long as Retry-After says",
        headers=retry_after(wait_seconds),
    )
