"""What daemon and workers of a cluster agree on: certificates, and who may do without; no I/O."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path


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
