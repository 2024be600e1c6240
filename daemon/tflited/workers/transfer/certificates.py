"""Mutual TLS from a cluster's files: each side shows its certificate and asks for the other's.

Names in certificates are not compared with addresses, as Dask's own connections do not: the
authority signs for one cluster only, and whoever holds a certificate of it belongs to it.
"""

import ssl

from tflited.domain.cluster import TlsFiles
from tflited.errors import CannotStartError


def server_context(tls: TlsFiles) -> ssl.SSLContext:
    """What the daemon listens with; a client without a certificate is refused.

    Raises:
        CannotStartError: a file cannot be read or is no such thing.
    """
    return _context(ssl.PROTOCOL_TLS_SERVER, tls)


def client_context(tls: TlsFiles) -> ssl.SSLContext:
    """What a worker connects with.

    Raises:
        CannotStartError: a file cannot be read or is no such thing.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, tls)


def _context(protocol: int, tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(tls.ca)
        # Without a callback OpenSSL would ask a terminal for a pass phrase, and wait.
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise CannotStartError(
            f"TLS of the cluster: observed {error} in {tls.ca}, {tls.certificate} or {tls.key},"
            " allowed PEM files of an authority, a certificate and its key without a pass phrase.",
            hint="name the files in [cluster.tls]; docs/scaling.md makes them with openssl",
        ) from error
    return context
