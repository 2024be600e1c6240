"""How a broker is reached: address, credentials and certificates, read anew for each connection."""

import hashlib
import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tflited.domain.broker import BrokerSettings
from tflited.errors import BrokerError

_LONGEST_CREDENTIALS = 4096
_HASH_LENGTH = 8
_REACH_SECONDS = 5.0
_PORTS = {
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "nats": 4222,
    "tls": 4222,
    "mqtt": 1883,
    "mqtts": 8883,
}
"""Where each listens by default, as its client has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a client needs to connect; never shown.

    Attributes:
        settings: of the broker.
        consumer: this daemon's own name at the broker, the same after every start.
        user: empty for none.
        password: or a token; empty for none.
        tls: how certificates are checked; None without TLS.
    """

    settings: BrokerSettings
    consumer: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None

    def without_secrets(self, text: str) -> str:
        """A client's words without the password, should they hold it."""
        return text.replace(self.password, "***") if self.password else text


def read_access(settings: BrokerSettings, consumer: str) -> Access:
    """Reads the files that the settings name.

    Raises:
        BrokerError: one of them cannot be read.
    """
    user, password = _credentials(settings.credentials_file)
    return Access(
        settings=settings,
        consumer=consumer,
        user=user,
        password=password,
        tls=_tls(settings) if settings.is_encrypted else None,
    )


def consumer_name(group: str, state: Path) -> str:
    """A name for this daemon: of its host and its state folder, since a host may have several."""
    digest = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()
    return f"{group}-{socket.gethostname()}-{digest[:_HASH_LENGTH]}"


def check_reachable(settings: BrokerSettings) -> None:
    """Reads what a connection needs, and asks the broker's port for one; nothing is sent.

    Raises:
        BrokerError: a file cannot be read, or nobody answers.
    """
    read_access(settings, consumer="")
    parts = urlsplit(settings.url)
    address = parts.hostname or "localhost", parts.port or _PORTS[settings.scheme]
    try:
        socket.create_connection(address, _REACH_SECONDS).close()
    except OSError as error:
        raise BrokerError(
            f"{address[0]}:{address[1]}: {error.strerror or error}.",
            hint="start the broker, or mend broker.url",
        ) from error


def _credentials(file: Path | None) -> tuple[str, str]:
    if file is None:
        return "", ""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise BrokerError(
            f"broker.credentials_file {file}: {reason}.",
            hint="let the service's user read it; it holds USER:PASSWORD on one line",
        ) from error
    line = text.strip()
    if not line or "\n" in line or len(line) > _LONGEST_CREDENTIALS:
        raise BrokerError(
            f"broker.credentials_file {file}: observed {len(text.splitlines())} lines, allowed one"
            f" of at most {_LONGEST_CREDENTIALS} characters.",
            hint="write USER:PASSWORD, or a password or token alone",
        )
    user, colon, password = line.partition(":")
    return (user, password) if colon else ("", line)


def _tls(settings: BrokerSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise BrokerError(
            f"broker.ca_file {settings.ca_file}: {error.strerror or error}.",
            hint="name a readable file of certificates in PEM form",
        ) from error
