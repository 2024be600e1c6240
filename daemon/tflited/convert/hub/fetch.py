"""Fetches a module as tensorflow_hub asks for it, in a process of its own that runs no model code.

The protocol, read from tensorflow_hub 0.16.1: a GET on the handle with ``tf-hub-format=compressed``
answers with a tar archive, directly or after redirects. ``tf-hub-format=uncompressed`` answers
303 with the module's location.
"""

import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from tflited import __version__
from tflited.convert.hub import place as places
from tflited.convert.hub.unpack import Bounded, unpack
from tflited.domain.hub import HubLimits, check_address, shown
from tflited.errors import HubError

_MOST_HOPS: Final = 5
_SOCKET_SECONDS: Final = 30.0
"""A server that is silent for so long is given up."""
_LONGEST_LOCATION: Final = 4096
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NOT_COMPRESSED: Final = frozenset({404, 406, 415, 501})
"""Answers of a server that does not serve the compressed format, or does not have the module."""
_BUSY: Final = frozenset({408, 425, 429})
_HEADERS: Final = {"User-Agent": f"tflited/{__version__}", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A server's last word: an archive, or a status that is none."""

    address: str
    response: http.client.HTTPResponse

    @property
    def is_archive(self) -> bool:
        return self.response.status == HTTPStatus.OK


class _Network:
    """A response whose faults are told as the network's, not as the disk's that it is written to.

    Args:
        answer: with an archive.
    """

    def __init__(self, answer: _Answer) -> None:
        self._answer = answer

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        with _explained(self._answer.address):
            return self._answer.response.read(None if size < 0 else size)


def run(request: Mapping[str, Any]) -> None:
    """Fetches one module.

    Args:
        request: ``handle``, ``destination`` and ``limits``, the fields of ``HubLimits``.

    Raises:
        HubError: it could not be had; nothing in its place has changed.
    """
    limits = HubLimits(**{**request["limits"], "hosts": tuple(request["limits"]["hosts"])})
    place = Path(request["destination"])
    with places.locked(place):
        folder = places.fresh(place)
        try:
            with _explained(request["handle"]):
                _download(request["handle"], folder, limits)
            places.install(place)
        finally:
            places.discard(place)


def _download(handle: str, folder: Path, limits: HubLimits) -> None:
    with _answer(_asking(handle, "compressed"), limits) as answer:
        if answer.is_archive:
            _unpack(answer, folder, limits)
            return
        status = answer.response.status
    if status not in _NOT_COMPRESSED:
        raise _status_error(handle, status)
    with _answer(_asking(handle, "uncompressed"), limits) as answer:
        # An archive only where the server led to one: what it says about the handle itself is a
        # page, or a server that ignores the query.
        if not answer.is_archive or urlsplit(answer.address).path == urlsplit(handle).path:
            raise _status_error(handle, status)
        _unpack(answer, folder, limits)


def _unpack(answer: _Answer, folder: Path, limits: HubLimits) -> None:
    length = answer.response.length
    if length is not None and length > limits.largest_archive_bytes:
        raise HubError(
            f"{shown(answer.address)}: an archive of {length} bytes; largest_archive_bytes allows "
            f"{limits.largest_archive_bytes}.",
            hint="raise largest_archive_bytes in the [hub] table if you trust the server",
        )
    archive = Bounded(_Network(answer), limits.largest_archive_bytes, "largest_archive_bytes")
    try:
        unpack(archive, folder, limits)
    except HubError as error:
        if length is not None and archive.count < length and answer.response.isclosed():
            raise _cut_short(answer.address, archive.count, length) from error
        raise
    while archive.read():
        pass
    if length is not None and archive.count != length:
        raise _cut_short(answer.address, archive.count, length)


@contextmanager
def _answer(address: str, limits: HubLimits) -> Iterator[_Answer]:
    """Follows redirects; every hop is held to the rules that the handle is held to."""
    seconds = min(_SOCKET_SECONDS, limits.timeout_seconds)
    for _ in range(_MOST_HOPS + 1):
        connection, target = _connection(address, limits, seconds)
        try:
            connection.request("GET", target, headers=_HEADERS)
            response = connection.getresponse()
            if response.status not in _REDIRECTS:
                yield _Answer(address=address, response=response)
                return
            address = urljoin(address, _location(response))
        finally:
            connection.close()
    raise HubError(
        f"{shown(address)}: more than {_MOST_HOPS} redirects.", hint="name the last address itself"
    )


def _connection(
    address: str, limits: HubLimits, seconds: float
) -> tuple[http.client.HTTPConnection, str]:
    parts = check_address(address, limits.hosts)
    host = parts.hostname or ""
    target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return (
            http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=context),
            target,
        )
    return http.client.HTTPConnection(host, parts.port, timeout=seconds), target


def _location(response: http.client.HTTPResponse) -> str:
    """Where a redirect leads; tfhub.dev wrote a bucket's place into the body of its 303."""
    header = response.getheader("Location")
    if header:
        return header
    body = response.read(_LONGEST_LOCATION).decode("utf-8", "replace").strip()
    if not body:
        raise HubError(
            f"The server answered {response.status} without a location.",
            hint="report it to the server's operator, or use another handle",
        )
    return body


def _asking(handle: str, form: str) -> str:
    parts = urlsplit(handle)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("tf-hub-format", form)])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


@contextmanager
def _explained(handle: str) -> Iterator[None]:
    where = shown(handle)
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise HubError(
            f"{where}: the server's certificate is not trusted: {error.verify_message}.",
            hint="add the authority to the system's store, or name it with SSL_CERT_FILE",
        ) from error
    except TimeoutError as error:
        raise HubError(
            f"{where}: the server did not answer in time.",
            hint="nothing; it is asked again by itself",
            is_transient=True,
        ) from error
    except http.client.HTTPException as error:
        raise HubError(
            f"{where}: no answer in HTTP: {type(error).__name__}.",
            hint="check that the handle names a server of modules",
            is_transient=True,
        ) from error
    except OSError as error:
        raise HubError(
            f"{where}: no connection: {error.strerror or error}.",
            hint="check the host's name and the network; it is asked again by itself",
            is_transient=True,
        ) from error


def _status_error(handle: str, status: int) -> HubError:
    is_transient = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY
    hint = "check the handle: the server does not serve it as an archive"
    if is_transient:
        hint = "nothing; the server is asked again by itself"
    return HubError(
        f"{shown(handle)}: the server answered {status}.", hint=hint, is_transient=is_transient
    )


def _cut_short(address: str, observed: int, expected: int) -> HubError:
    return HubError(
        f"{shown(address)}: the transfer was cut short: {observed} of {expected} bytes.",
        hint="nothing; it is asked again by itself",
        is_transient=True,
    )
