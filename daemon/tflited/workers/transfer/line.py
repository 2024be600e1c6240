"""A worker's connection to the daemon's depot: one request after the other, made anew after faults.

What failed is repeated with growing waits, as long as bytes still come through now and then.
"""

import random
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedIOBase
from threading import Event
from typing import Final, TypeVar
from urllib.parse import urlsplit

import structlog

from tflited.errors import (
    SourceChangedError,
    TflitedError,
    TransferEndedError,
    TransferError,
    TransferFullError,
    TransferRefusedError,
)
from tflited.workers.transfer.offer import Offer

CHUNK_BYTES: Final = 1 << 18
SOCKET_SECONDS: Final = 20.0
TRIES: Final = 6
"""How many faults in a row end a transfer, if no more than this came between them."""
WORTH_BYTES: Final = 1 << 20
FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 10.0
_LONGEST_REASON: Final = 500
_OVER: Final = frozenset({HTTPStatus.GONE, HTTPStatus.UNAUTHORIZED})
_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.UNPROCESSABLE_ENTITY})

_MISTRUST: Final = re.compile("CERTIFICATE|UNKNOWN_CA|WRONG_VERSION|RECORD_LAYER_FAILURE")
"""OpenSSL's reasons that no repetition changes."""

Answer = TypeVar("Answer")
_LOG = structlog.get_logger()


class Line:
    """One attempt's connection; for one thread.

    Args:
        offer: says where and with which token.
        context: for TLS; None for none.
        cancel: when set, no further request is made.
    """

    def __init__(self, offer: Offer, context: ssl.SSLContext | None, cancel: Event) -> None:
        self._offer = offer
        self._context = context
        self._cancel = cancel
        self._connection: HTTPConnection | None = None
        self._moved_bytes = 0

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def persist(self, what: str, step: Callable[[], Answer]) -> Answer:
        """Takes a step, again after a fault that may pass.

        Args:
            what: is carried, for the message.
            step: raises TransferError, OSError of a socket or HTTPException.

        Raises:
            TransferError: it does not pass; a retryable one may do so later.
        """
        tries = 0
        while True:
            self._check_wanted()
            moved = self._moved_bytes
            try:
                return step()
            except (TransferError, OSError, HTTPException) as fault:
                self.close()
                error = self._named(what, fault)
                has_come_on = self._moved_bytes - moved >= WORTH_BYTES
                tries = 1 if has_come_on else tries + 1
                is_full = isinstance(error, TransferFullError)  # a whole attempt later, perhaps
                if is_full or not error.retryable or tries >= TRIES:
                    raise error from fault
            _LOG.info("transfer_repeated", attempt=self._offer.attempt, reason=error.message)
            self._cancel.wait(_wait_seconds(tries))

    def fetch(self, path: str, begin: int) -> Iterator[tuple[int, bytes]]:
        """Asks for a file from a byte on.

        Yields:
            The place and the bytes of each piece, in order; from 0 where the depot sends all.

        Raises:
            TransferError: it was refused, or ended early.
        """
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        with self._ask("GET", path, None, headers) as response:
            place = begin if response.status == HTTPStatus.PARTIAL_CONTENT else 0
            told = response.getheader("Content-Range") or ""
            if place and not told.startswith(f"bytes {place}-"):
                raise TransferError(f"{path}: observed another range than bytes {place}-.")
            while chunk := response.read(CHUNK_BYTES):
                self._moved_bytes += len(chunk)
                yield place, chunk
                place += len(chunk)
                self._check_wanted()

    def send(self, method: str, path: str, body: bytes | BufferedIOBase, size_bytes: int) -> None:
        """Sends a body.

        Raises:
            TransferError: it was refused.
        """
        with self._ask(method, path, body, {"Content-Length": str(size_bytes)}) as response:
            response.read()
        self._moved_bytes += size_bytes

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | BufferedIOBase | None,
        headers: Mapping[str, str],
    ) -> HTTPResponse:
        connection = self._connected()
        named = {"Authorization": f"Bearer {self._offer.token}", **headers}
        if connection.sock is None:
            connection.connect()
        # A depot that refuses a body answers while it is still sent, and closes.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body=body, headers=named)
        response = connection.getresponse()
        if response.status >= HTTPStatus.BAD_REQUEST:
            reason = b""
            # A depot that does not read the rest of a body may reset the connection.
            with response, suppress(OSError, HTTPException):
                reason = response.read(_LONGEST_REASON)
            self.close()
            raise self._refusal(response.status, reason.decode("utf-8", "replace"))
        return response

    def _connected(self) -> HTTPConnection:
        if self._connection is None:
            address = urlsplit(self._offer.url).netloc
            if self._context is None:
                made = HTTPConnection(address, timeout=SOCKET_SECONDS, blocksize=CHUNK_BYTES)
            else:
                made = HTTPSConnection(
                    address, timeout=SOCKET_SECONDS, blocksize=CHUNK_BYTES, context=self._context
                )
            self._connection = made
        return self._connection

    def _refusal(self, status: int, reason: str) -> TflitedError:
        told = "".join(sign if sign.isprintable() else "\ufffd" for sign in reason)
        message = f"The daemon's depot answered {status} to attempt {self._offer.attempt}: {told}."
        if status == HTTPStatus.PRECONDITION_FAILED:
            return SourceChangedError(message, hint="nothing; the job is tried again")
        if status in _OVER:
            return TransferEndedError(message)
        if status == HTTPStatus.INSUFFICIENT_STORAGE:
            return TransferFullError(message, hint="free space in the daemon's state folder")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _AGAIN:
            return TransferError(message)
        return TransferRefusedError(message)

    def _named(self, what: str, fault: Exception) -> TransferError:
        if isinstance(fault, TransferError):
            return fault
        place = f"{what}: {self._offer.url}"
        if isinstance(fault, ssl.SSLError) and _MISTRUST.search(str(fault.reason)):
            return TransferRefusedError(
                f"{place}: TLS: {fault.reason or fault}.",
                hint="both sides need certificates of the same authority: [cluster.tls]",
            )
        return TransferError(
            f"{place}: {str(fault) or type(fault).__name__}.",
            hint="is the daemon up, and its data_listen address reachable from this host?",
        )

    def _check_wanted(self) -> None:
        if self._cancel.is_set():
            raise TransferEndedError(f"Attempt {self._offer.attempt}: cancelled here.")


def _wait_seconds(tries: int) -> float:
    """Twice as long each time, and never the same for two workers at once."""
    longest: float = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**tries)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
