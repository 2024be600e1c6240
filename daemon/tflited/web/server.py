"""Serves the application over TCP and a unix socket from one named thread."""

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket  # noqa: N812 - "socket" is the control socket's path here
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from tflited.domain.access import HttpRules
from tflited.errors import CannotStartError
from tflited.web.guard import Tagged, is_loopback
from tflited.web.listeners import listen_tcp, listen_unix, remove_socket
from tflited.web.protocol import LARGEST_HEADER_BYTES, BoundedProtocol

_START_SECONDS: Final = 10.0
_FORCED_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


class HttpServer:
    """The daemon's HTTP listeners.

    Args:
        app: the ASGI application.
        host: ``localhost`` or an address; another than loopback only where there are tokens.
        port: TCP port; 0 for any free one, None to serve the unix socket alone.
        socket: path of the unix socket.
        inherited: listening sockets from the service manager; one of a kind, TCP or unix, takes
            the place of binding that kind here, and its file is the service manager's. A TCP one
            is closed where ``port`` is None: the configuration says no to it.
        rules: of the HTTP door.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int | None,
        socket: Path,
        inherited: Sequence[Socket] = (),
        rules: HttpRules | None = None,
    ) -> None:
        self._rules = rules or HttpRules()
        self._endings: list[Callable[[], None]] = []
        self._host = host
        self._port = port
        self._path = socket
        self._tcp = _Listener(Tagged(app, "tcp"), self._rules.max_connections)
        self._unix = _Listener(Tagged(app, "unix"), self._rules.max_connections)
        self._inherited = tuple(inherited)
        self._identity: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int | None:
        """The TCP port in use; the configured one before ``start``, None without TCP."""
        return self._port

    def before_stop(self, end: Callable[[], None]) -> None:
        """Has something called when stopping begins: answers without an end must come to one."""
        self._endings.append(end)

    def start(self) -> None:
        """Binds the listeners and serves them; returns once requests are answered.

        Raises:
            CannotStartError: an address is taken or not allowed, or the thread did not come up.
        """
        tcp = self._listen_tcp()
        try:
            unix = self._listen_unix()
        except CannotStartError:
            for listener in tcp:
                listener.close()
            raise
        if tcp:
            self._port = tcp[0].getsockname()[1]
        self._thread = threading.Thread(
            target=self._run, args=(tcp, unix), name="http", daemon=True
        )
        self._thread.start()
        served = [self._unix, self._tcp] if tcp else [self._unix]
        if not all(each.is_up.wait(_START_SECONDS) for each in served):
            message = f"HTTP thread: observed no start within {_START_SECONDS} s"
            raise CannotStartError(message, hint="the log names the error")

    def stop(self, deadline_seconds: float) -> None:
        """Takes no more connections, lets requests end, then closes; may be called again.

        Args:
            deadline_seconds: requests that take longer are cut off.
        """
        if self._thread is None:
            return
        for end in self._endings:
            end()
        for listener in (self._tcp, self._unix):
            listener.config.timeout_graceful_shutdown = max(1, math.floor(deadline_seconds))
            listener.should_exit = True
        self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            self._tcp.force_exit = self._unix.force_exit = True
            self._thread.join(_FORCED_SECONDS)
        if self._thread.is_alive():
            _log.warning("http_thread_left_behind", deadline_seconds=deadline_seconds)
        if self._identity is not None:
            remove_socket(self._path, self._identity)
        self._thread = None

    def _listen_tcp(self) -> list[Socket]:
        inherited = [each for each in self._inherited if each.family != AF_UNIX]
        if self._port is None:
            for each in inherited:
                _log.warning("http_disabled", address=each.getsockname()[:2])
                each.close()
            return []
        listeners = inherited or [listen_tcp(self._host, self._port)]
        for listener in listeners:
            address = listener.getsockname()[0]
            if not is_loopback(address) and not self._rules.tokens:
                for each in listeners:
                    each.close()
                raise CannotStartError(
                    f"HTTP on {address}: observed no token, allowed localhost, 127.0.0.1 or ::1",
                    hint="add a [[http.token]] to the configuration, or listen on loopback",
                )
        return listeners

    def _listen_unix(self) -> list[Socket]:
        inherited = [each for each in self._inherited if each.family == AF_UNIX]
        if inherited:
            return inherited
        listener = listen_unix(self._path)
        found = self._path.stat()
        self._identity = (found.st_dev, found.st_ino)
        return [listener]

    def _run(self, tcp: list[Socket], unix: list[Socket]) -> None:
        with ExitStack() as stack:
            for listener in (*tcp, *unix):
                stack.enter_context(listener)
            asyncio.run(self._serve(tcp, unix))

    async def _serve(self, tcp: list[Socket], unix: list[Socket]) -> None:
        # Without sockets uvicorn would bind one of its own.
        over_tcp = (self._tcp.serve(tcp),) if tcp else ()
        await asyncio.gather(self._unix.serve(unix), *over_tcp)


class _Listener(uvicorn.Server):
    """A uvicorn server that tells when it is up.

    Outside the main thread uvicorn leaves signals alone, as the daemon needs it to.
    """

    def __init__(self, app: ASGIApp, most_connections: int) -> None:
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=5,
            limit_concurrency=most_connections,
            h11_max_incomplete_event_size=LARGEST_HEADER_BYTES,
        )
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[Socket] | None = None) -> None:
        """Starts listening, then says so."""
        await super().startup(sockets=sockets)
        self.is_up.set()
