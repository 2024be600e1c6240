"""The daemon's side of the data plane: offers files to attempts, keeps what they deliver."""

import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from tflited.content import file_digest
from tflited.domain.cluster import TlsFiles, is_loopback
from tflited.domain.limits import Limits
from tflited.domain.model import Digest, FileIdentity
from tflited.errors import CannotStartError, SourceChangedError, TransferRefusedError
from tflited.workers.transfer.certificates import server_context
from tflited.workers.transfer.holding import Blob, Holding, RefusalError, identity_of
from tflited.workers.transfer.offer import FileEntry, Item, Offer
from tflited.workers.transfer.requests import Request
from tflited.workers.transfer.server import MOST_CONNECTIONS, Connection, Server

MOST_DELIVERED_FILES: Final = 10_000
_REMEMBERED: Final = 100_000
"""Ended attempts that get a word of their own, and digests of files that are offered again."""

_LOG = structlog.get_logger()


class Depot:
    """Serves files to workers by digest and takes their results, each attempt with its own token.

    Args:
        listen: ``HOST:PORT``; without TLS only loopback, port 0 for any free one.
        tls: certificates of the cluster; None for none.
        staging: where results go, one folder for each attempt; emptied by ``start``.
        advertise: ``HOST:PORT`` or ``HOST`` that workers connect to; ``listen`` by default.
        shares_paths: whether a worker may look for a file at the daemon's own path first.
        most_connections: more than these wait.
    """

    def __init__(
        self,
        *,
        listen: str,
        tls: TlsFiles | None,
        staging: Path,
        advertise: str = "",
        shares_paths: bool = True,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._host, self._port = _address(listen)
        self._advertised = advertise
        if tls is None and not is_loopback(self._host):
            raise CannotStartError(
                f"[cluster] data_listen: observed {listen!r} without TLS, allowed loopback.",
                hint="listen on 127.0.0.1, or make certificates as docs/scaling.md shows",
            )
        if self._host in {"", "0.0.0.0", "::"} and not advertise:  # noqa: S104 - compared
            raise CannotStartError(
                f"[cluster] data_listen: observed {listen!r}, which is no address to connect to.",
                hint="also say which address workers reach, or listen on that one",
            )
        self._context = None if tls is None else server_context(tls)
        self._staging = staging
        self._shares_paths = shares_paths
        self._most_connections = most_connections
        self._server: Server | None = None
        self._lock = Lock()
        self._attempts: dict[str, tuple[bytes, Holding]] = {}
        self._ended: dict[bytes, None] = {}
        self._digests: dict[FileIdentity, Digest] = {}

    @property
    def url(self) -> str:
        """What workers connect to, as in ``https://build.example:8790``."""
        host = self._advertised or (f"[{self._host}]" if ":" in self._host else self._host)
        has_port = ":" in host.rpartition("]")[2]
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://{host}" if has_port else f"{scheme}://{host}:{self._port}"

    def start(self) -> None:
        """Binds the listener and serves it.

        Raises:
            CannotStartError: the address cannot be had.
        """
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(mode=0o700, parents=True)
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listener = socket.create_server((self._host, self._port), family=family, backlog=128)
        except (OSError, OverflowError) as error:
            raise CannotStartError(
                f"[cluster] data_listen: {self._host} port {self._port}: {error}.",
                hint="choose another address or port in the configuration",
            ) from error
        self._port = listener.getsockname()[1]
        self._server = Server(
            listener, self._context, self._serve, most_connections=self._most_connections
        )
        self._server.start()
        _LOG.info("depot_started", url=self.url)

    def stop(self, deadline_seconds: float) -> None:
        """Ends every offer and every connection; may be called again.

        Args:
            deadline_seconds: how long connections may take to notice.
        """
        with self._lock:
            attempts = list(self._attempts)
        for attempt in attempts:
            self.withdraw(attempt)
        if self._server is not None:
            self._server.stop(deadline_seconds)
            self._server = None

    def offer(
        self,
        attempt: str,
        files: Mapping[str, Path],
        *,
        most_bytes: int = Limits().output_bytes,
        most_files: int = MOST_DELIVERED_FILES,
    ) -> Offer:
        """Offers files and folders to one attempt; an earlier offer to it ends.

        Args:
            attempt: ``JOB.ATTEMPT``.
            files: name to file or folder; nobody changes them until ``withdraw``.
            most_bytes: what the attempt may deliver.
            most_files: how many files it may deliver.

        Raises:
            SourceChangedError: a file changed while it was digested, or is gone.
            TransferRefusedError: something in a folder is neither a file nor a folder.
        """
        blobs: dict[Digest, Blob] = {}
        items = tuple(self._item(name, path, blobs) for name, path in files.items())
        token = secrets.token_urlsafe(32)
        offered = Offer(
            attempt=attempt,
            url=self.url,
            token=token,
            items=items,
            most_bytes=most_bytes,
            most_files=most_files,
        )
        holding = Holding(
            attempt,
            blobs,
            place=self._staging / attempt,
            most_bytes=most_bytes,
            most_files=most_files,
        )
        self.withdraw(attempt)
        with self._lock:
            self._attempts[attempt] = _hashed(token), holding
        return offered

    def delivered(self, attempt: str) -> Path | None:
        """The folder of what an attempt delivered, final and complete; None before that."""
        with self._lock:
            known = self._attempts.get(attempt)
        return None if known is None else known[1].delivered

    def withdraw(self, attempt: str) -> None:
        """Ends an attempt's token, cuts its requests off and removes what it delivered."""
        with self._lock:
            known = self._attempts.pop(attempt, None)
            if known is None:
                return
            self._ended[known[0]] = None
            while len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]
        known[1].end()

    def _serve(self, connection: Connection) -> None:
        Request(connection, self._find)

    def _find(self, token: str) -> Holding:
        key = _hashed(token)
        with self._lock:
            for known, holding in self._attempts.values():
                if compare_digest(known, key):
                    return holding
            is_ended = key in self._ended
        if is_ended:
            raise RefusalError(HTTPStatus.GONE, "the attempt is over")
        raise RefusalError(HTTPStatus.UNAUTHORIZED, "observed no token of a running attempt")

    def _item(self, name: str, path: Path, blobs: dict[Digest, Blob]) -> Item:
        seen_at = str(path.absolute()) if self._shares_paths else ""
        if not path.is_dir():
            entry = self._entry(path, path.name, blobs)
            return Item(name=name, base=path.name, is_folder=False, files=(entry,), seen_at=seen_at)
        found = sorted(_below(path))
        return Item(
            name=name,
            base=path.name,
            is_folder=True,
            files=tuple(
                self._entry(path / below, below, blobs)
                for below, is_folder in found
                if not is_folder
            ),
            folders=tuple(below for below, is_folder in found if is_folder),
            seen_at=seen_at,
        )

    def _entry(self, path: Path, below: str, blobs: dict[Digest, Blob]) -> FileEntry:
        try:
            identity = identity_of(path.stat())
            digest = self._digests.get(identity) or file_digest(path)
            is_same = identity_of(path.stat()) == identity
        except FileNotFoundError as error:
            raise SourceChangedError(f"{path} went away before it was offered.") from error
        if not is_same:
            raise SourceChangedError(
                f"{path} changed while it was digested.",
                hint="nothing; it is looked at again as soon as it settles",
            )
        with self._lock:
            self._digests[identity] = digest
            while len(self._digests) > _REMEMBERED:
                del self._digests[next(iter(self._digests))]
        blobs[digest] = Blob(path=path.resolve(), identity=identity)
        return FileEntry(path=below, size_bytes=identity.size, sha256=digest)


def _below(folder: Path) -> Iterator[tuple[str, bool]]:
    """Path below a folder of everything in it, and whether that is a folder.

    Raises:
        TransferRefusedError: it is neither a folder nor a file.
    """
    waiting = [""]
    while waiting:
        above = waiting.pop()
        with os.scandir(folder / above) as listing:
            for entry in listing:
                below = f"{above}{entry.name}"
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder:
                    waiting.append(f"{below}/")
                elif not entry.is_file(follow_symlinks=False):
                    raise TransferRefusedError(
                        f"{entry.path}: observed neither a file nor a folder, allowed these two."
                    )
                yield below, is_folder


def _address(listen: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, the brackets of IPv6 taken off.

    Raises:
        CannotStartError: it is none.
    """
    host, _, port = listen.rpartition(":")
    if not port.isascii() or not port.isdecimal():
        raise CannotStartError(
            f"[cluster] data_listen: observed {listen!r}, allowed HOST:PORT.",
            hint="for one machine, 127.0.0.1:8790",
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _hashed(token: str) -> bytes:
    return sha256(token.encode("ascii")).digest()
