"""Who may use the HTTP door, and how much of it: what the configuration says and web/ enforces."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    """Status, jobs, plan, why, metrics and events."""
    WRITE = "write"
    """Triggers, retry, cancel, reload and rebuild."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Where one token is kept; the secret itself is never part of the configuration.

    Attributes:
        name: for logs and limits.
        file: its file; None where it is a credential.
        credential: its name below ``$CREDENTIALS_DIRECTORY``; empty where it is a file.
        scopes: what it allows.
    """

    name: str
    file: Path | None = None
    credential: str = ""
    scopes: tuple[Scope, ...] = (Scope.READ,)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRules:
    """Where uploads land, and how much they may be.

    Attributes:
        root: configured name of the root.
        folder: path below the root; empty for the root itself.
        largest_bytes: of one upload as it comes.
        largest_unpacked_bytes: of what an archive is unpacked to.
        most_files: files and folders of one upload.
        timeout_seconds: of one upload with its unpacking.
        free_bytes: room that an upload leaves on the file system.
    """

    root: str
    folder: str = "uploads"
    largest_bytes: int = 2 * 2**30
    largest_unpacked_bytes: int = 4 * 2**30
    most_files: int = 10_000
    timeout_seconds: float = 600.0
    free_bytes: int = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRules:
    """The rules of the HTTP door.

    Attributes:
        tokens: who may come from elsewhere, or write over TCP.
        hosts: names by which clients call this machine, beside its addresses.
        require_token_for_reading: whether reading on loopback needs a token as well.
        writes_per_minute: of one token or peer over TCP, in the long run.
        write_burst: writes of one token or peer at once.
        max_connections: of each listener at once; one more is answered 503.
        max_event_streams: at once, over all listeners.
        uploads: where uploads land; None takes none.
    """

    tokens: tuple[TokenSource, ...] = ()
    hosts: tuple[str, ...] = ()
    require_token_for_reading: bool = False
    writes_per_minute: int = 600
    write_burst: int = 100
    max_connections: int = 256
    max_event_streams: int = 32
    uploads: UploadRules | None = None
