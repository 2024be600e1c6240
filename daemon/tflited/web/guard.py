"""Who may ask what: marks each request with its transport and guards against foreign pages."""

import ipaddress
from typing import Final, Literal

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tflited.web.answers import RequestError, refuse

Transport = Literal["tcp", "unix"]

SCOPE_KEY: Final = "tflited.transport"


class Tagged:
    """Marks every request with the listener it came through; clients cannot set the mark."""

    def __init__(self, app: ASGIApp, transport: Transport) -> None:
        self._app = app
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        await self._app({**scope, SCOPE_KEY: self._transport}, receive, send)


class LocalRequests:
    """Refuses TCP requests that name another host than this one, or come from a foreign page.

    A web page can make a browser on this machine ask any name that its owner points at 127.0.0.1
    (DNS rebinding); the ``Host`` header then still carries that name. Where it asks this machine
    by its own name, browsers put the page's address into ``Origin`` (RFC 6454).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "http" and scope.get(SCOPE_KEY) != "unix":
            headers = Request(scope).headers
            host, origin = headers.get("host", ""), headers.get("origin")
            if not is_loopback(_without_port(host)):
                message = f"Host header: observed {host!r}, allowed localhost, 127.0.0.1 or [::1]"
                return await refuse(403, "foreign_host", message)(scope, receive, send)
            if origin is not None and origin.lower() != f"http://{host.lower()}":
                message = f"Origin header: observed {origin!r}, allowed http://{host} or none"
                return await refuse(403, "foreign_origin", message)(scope, receive, send)
        return await self._app(scope, receive, send)


def require_unix_socket(request: Request) -> None:
    """Lets a request that changes something pass only through the unix socket.

    Raises:
        RequestError: the request came over TCP.
    """
    if request.scope.get(SCOPE_KEY) != "unix":
        raise RequestError(
            403,
            "unix_socket_only",
            f"{request.method} {request.url.path} over TCP: observed a port that every local user "
            "reaches, allowed the unix socket only",
            hint="use the tflited command, or curl --unix-socket with the daemon's control socket",
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address stands for this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
