"""Who may ask what: marks each request with its transport and guards against foreign pages."""

import ipaddress
from collections.abc import Sequence
from typing import Final, Literal

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tflited.web.answers import refuse

Transport = Literal["tcp", "unix"]

SCOPE_KEY: Final = "tflited.transport"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES: Final = frozenset({"none", "same-origin"})


class Tagged:
    """Marks every request with the listener it came through; clients cannot set the mark."""

    def __init__(self, app: ASGIApp, transport: Transport) -> None:
        self._app = app
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        await self._app({**scope, SCOPE_KEY: self._transport}, receive, send)


class KnownHosts:
    """Refuses requests that name another host than this one, or come from a foreign page.

    A web page can make a browser on this machine ask any name that its owner points at 127.0.0.1
    (DNS rebinding); the ``Host`` header then still carries that name. Where it asks this machine
    by its own name, browsers put the page's address into ``Origin`` (RFC 6454), and what the page
    is to this one into ``Sec-Fetch-Site``.

    Args:
        app: what is guarded.
        hosts: names of this machine beside the address that a connection came to.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "http":
            refusal = self._refusal(Request(scope))
            if refusal is not None:
                return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        headers, local = request.headers, local_address(request.scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        name = _without_port(host).lower()
        if not is_from_socket(request.scope) and not self._is_known(name, local):
            own = "localhost, 127.0.0.1 or [::1]" if is_loopback(local) else local
            message = f"Host header: observed {host!r}, allowed {own} or one of [http] hosts"
            return refuse(403, "foreign_host", message)
        if origin is not None and origin.lower() not in self._origins(host.lower(), name):
            message = f"Origin header: observed {origin!r}, allowed http://{host} or none"
            return refuse(403, "foreign_origin", message)
        site = headers.get("sec-fetch-site", "none")
        if request.method not in _READING and site not in _OWN_SITES:
            message = f"Sec-Fetch-Site header: observed {site!r}, allowed same-origin or none"
            return refuse(403, "foreign_origin", message)
        return None

    def _is_known(self, name: str, local: str) -> bool:
        if name in self._hosts:
            return True
        return is_loopback(name) if is_loopback(local) else _is_same(name, local)

    def _origins(self, host: str, name: str) -> tuple[str, ...]:
        """Pages of this daemon; a proxy under a configured name may end TLS."""
        is_named = name in self._hosts
        return (f"http://{host}", f"https://{host}") if is_named else (f"http://{host}",)


def is_from_socket(scope: Scope) -> bool:
    """Whether a request came over the unix socket, which its file's mode guards."""
    return scope.get(SCOPE_KEY) == "unix"


def local_address(scope: Scope) -> str:
    """The address of this machine that a connection came to; empty where it is unknown."""
    server = scope.get("server")
    return str(server[0]) if server else ""


def is_loopback(host: str) -> bool:
    """Whether a host name or address stands for this machine alone."""
    if host.lower() == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _is_same(one: str, other: str) -> bool:
    address = _address(one)
    return address is not None and address == _address(other)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
