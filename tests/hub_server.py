"""A local server that speaks TensorFlow Hub's protocol, and archives that it may serve."""

import io
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from model_trees import saved_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer.

    Attributes:
        content: the body.
        status: of HTTP.
        headers: beside ``Content-Length``, or in its place.
    """

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class HubServer:
    """Answers on the loopback address; what it was asked is kept.

    Args:
        certificate: of a TLS server, with its key; None for plain HTTP.

    Attributes:
        replies: ``PATH`` to the answer for the compressed format, ``PATH?uncompressed`` to that
            for the other; a callable is asked each time.
        asked: path and query of every request.
        gate: requests wait until it is set; it is at first.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.replies: dict[str, Reply | Callable[[], Reply]] = {}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http" if certificate is None else "https"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.01,), name="hub-server")

    @property
    def host(self) -> str:
        """``HOST:PORT``, as ``[hub] hosts`` names it."""
        return f"127.0.0.1:{self._server.server_port}"

    def handle(self, path: str = "/net/1") -> str:
        """A handle of this server."""
        return f"{self._scheme}://{self.host}{path}"

    def reply(self, path: str, form: str) -> Reply:
        """What a request gets."""
        found = self.replies.get(path if form != "uncompressed" else f"{path}?{form}")
        if found is None:
            return Reply(status=404, content=b"<html>not here</html>")
        return found if isinstance(found, Reply) else found()

    @contextmanager
    def running(self) -> Iterator["HubServer"]:
        """Serves until the block's end."""
        self._thread.start()
        try:
            yield self
        finally:
            self.gate.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


def _handler(server: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            """Answers as the test has set."""
            server.asked.append(self.path)
            server.gate.wait(60)
            parts = urlsplit(self.path)
            form = parse_qs(parts.query).get("tf-hub-format", [""])[0]
            reply = server.reply(parts.path, form)
            self.send_response(reply.status)
            for name, value in {"Content-Length": len(reply.content), **reply.headers}.items():
                if value != "":
                    self.send_header(name, str(value))
            with suppress(ConnectionError):  # a fetch that was ended
                self.end_headers()
                self.wfile.write(reply.content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Says nothing."""

    return Handler


def archive(folder: Path, *, mode: str = "w:gz") -> bytes:
    """A folder's content as tensorflow_hub wants it: without the folder's own name."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:  # type: ignore[call-overload]  # any mode
        tar.add(folder, arcname=".")
    return content.getvalue()


def small_module(folder: Path, *, mode: str = "w:gz", mark: int = 100) -> bytes:
    """An archive that passes admission; another mark is another content."""
    return archive(saved_model(folder, data_bytes=mark), mode=mode)


def members(*entries: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> bytes:
    """An archive of members made by hand."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:  # type: ignore[call-overload]  # any mode
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                tar.addfile(info, io.BytesIO(entry[1]))
    return content.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member that is no file."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info
