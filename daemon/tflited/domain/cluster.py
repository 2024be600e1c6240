"""What daemon and workers of a cluster agree on: settings, certificates, and who may do without.

No input or output.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

GIB: Final = 2**30
LEAST_TTL_SECONDS: Final = 15
"""Three times the longest time between two signs of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """What one machine of a cluster shows to the others, and knows them by.

    Attributes:
        ca: certificate of the authority that signed every certificate of the cluster, PEM.
        certificate: this machine's own, PEM.
        key: the private key of ``certificate``, PEM without a pass phrase.
    """

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """How the daemon uses a cluster.

    Attributes:
        scheduler: its address, ``tls://HOST:PORT`` or ``tcp://HOST:PORT``.
        tls: the daemon's certificates; None only where everything is on loopback.
        slots: attempts that the daemon may have under way at once, on all workers together.
        attempt_memory_bytes: memory of a worker that one attempt reserves.
        worker_ttl_seconds: a worker that gives no sign of life for so long has lost its attempts.
        data_listen: ``HOST:PORT`` where workers fetch models and deliver sets.
        share_paths: whether workers look at the daemon's own paths before they fetch.
    """

    scheduler: str
    tls: TlsFiles | None = None
    slots: int = 8
    attempt_memory_bytes: int = 2 * GIB
    worker_ttl_seconds: float = 60.0
    data_listen: str = "127.0.0.1:8574"
    share_paths: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How one worker takes part.

    Attributes:
        scheduler: its address, ``tls://HOST:PORT`` or ``tcp://HOST:PORT``.
        tls: the worker's certificates; None only where everything is on loopback.
        name: what it is called in the daemon's status and logs.
        slots: attempts at once.
        memory_bytes: memory that attempts may reserve together.
        directory: private copies and the cache; no other worker may use it.
        cache_bytes: what the cache of models may take.
        host: the address it listens at; empty for the one that leads to the scheduler.
        port: the port it listens at; 0 takes a free one.
        drain_seconds: how long a stop waits for running attempts.
    """

    scheduler: str
    tls: TlsFiles | None = None
    name: str
    slots: int
    memory_bytes: int
    directory: Path
    cache_bytes: int = 20 * GIB
    host: str = ""
    port: int = 0
    drain_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """How the scheduler serves.

    Attributes:
        listen: ``tls://HOST:PORT`` or ``tcp://HOST:PORT``; port 0 takes a free one.
        tls: the scheduler's certificates; None only on loopback.
        worker_ttl_seconds: a worker without a heartbeat for so long is dropped.
    """

    listen: str
    tls: TlsFiles | None = None
    worker_ttl_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """A cluster as the daemon sees it now.

    Attributes:
        is_connected: whether the scheduler answers.
        accepted: workers that get attempts.
        refused: workers that get none.
        slots: attempts that the accepted ones run at once.
    """

    is_connected: bool = False
    accepted: int = 0
    refused: int = 0
    slots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of a scheduler, taken apart."""

    scheme: str
    host: str
    port: int


SCHEMES: Final = ("tls", "tcp")


def split_address(text: str) -> Address | None:
    """Takes ``tls://HOST:PORT`` or ``tcp://HOST:PORT`` apart; None where it is something else.

    Args:
        text: an IPv6 host stands in brackets.
    """
    scheme, _, rest = text.partition("://")
    host, _, port = rest.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    is_host = bool(host) and (is_bracketed or not set(host) & set(":/@[]? #"))
    if scheme not in SCHEMES or not is_host or not (port.isascii() and port.isdecimal()):
        return None
    return Address(scheme=scheme, host=host, port=int(port)) if int(port) < 2**16 else None


def address_fault(text: str, *, has_tls: bool) -> str:
    """What an address should be instead; empty where it may be used.

    Args:
        text: as configured.
        has_tls: whether there are certificates.
    """
    address = split_address(text)
    if address is None:
        return "tls://HOST:PORT, or tcp://HOST:PORT on loopback"
    if address.scheme == "tls":
        return "" if has_tls else "tls:// with certificates: a CA, a certificate and its key"
    if has_tls:
        return "tls://, since there are certificates"
    if not is_loopback(address.host):
        return "a loopback host without TLS: whoever reaches a worker can run code on it"
    return ""


def is_loopback(host: str) -> bool:
    """Whether a host cannot be reached from another machine; without TLS no other is allowed.

    Args:
        host: an address, brackets of IPv6 included or not, or ``localhost``.
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
