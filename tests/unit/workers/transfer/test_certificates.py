"""Without a certificate of the cluster nothing is served and nothing is sent."""

import http.client
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from certificates import Authority, authority
from tflited.domain.cluster import TlsFiles
from tflited.errors import CannotStartError, TransferRefusedError
from tflited.workers.transfer.carrier import Carrier
from tflited.workers.transfer.certificates import client_context, server_context
from tflited.workers.transfer.depot import Depot
from tflited.workers.transfer.offer import Offer
from waiting import wait_until

pytestmark = pytest.mark.requires_program("openssl", "apt-get install openssl")


@pytest.fixture
def secured(make_depot: Callable[..., Depot], cluster_authority: Authority) -> Depot:
    return make_depot(tls=cluster_authority.issue("daemon"))


@pytest.fixture
def offer(secured: Depot, model: Path) -> Offer:
    return secured.offer("7.1", {"model": model})


def carrier_of(tmp_path: Path, tls: TlsFiles | None) -> Carrier:
    return Carrier(cache=tmp_path / "cache", cache_bytes=10**8, tls=tls)


def address(depot: Depot) -> tuple[str, int]:
    host, _, port = depot.url.removeprefix("https://").rpartition(":")
    return host, int(port)


def test_members_of_one_cluster_trust_each_other(
    secured: Depot, offer: Offer, cluster_authority: Authority, tmp_path: Path, into: Path
) -> None:
    """Both ways, encrypted."""
    carrier = carrier_of(tmp_path, cluster_authority.issue("worker"))
    copy = carrier.fetch(offer, "model", into)
    carrier.deliver(offer, copy)
    delivered = secured.delivered("7.1")
    assert delivered is not None
    assert (delivered / "saved_model.pb").read_bytes() == (copy / "saved_model.pb").read_bytes()


def test_a_certificate_of_another_authority_is_refused(
    offer: Offer, cluster_authority: Authority, tmp_path: Path, into: Path
) -> None:
    """By the daemon, although the worker would trust it."""
    strange = authority(tmp_path / "theirs").issue("worker")
    tls = replace(strange, ca=cluster_authority.issue("any").ca)
    with structlog.testing.capture_logs() as logged:
        with pytest.raises(TransferRefusedError, match="UNKNOWN_CA") as caught:
            carrier_of(tmp_path, tls).fetch(offer, "model", into)
        wait_until(lambda: "depot_peer_refused" in {event["event"] for event in logged}, 20)
    assert "[cluster.tls]" in caught.value.hint


def test_a_daemon_of_another_authority_is_refused(offer: Offer, tmp_path: Path, into: Path) -> None:
    """By the worker, before it has sent its token."""
    strange = authority(tmp_path / "theirs").issue("worker")
    with pytest.raises(TransferRefusedError, match="CERTIFICATE_VERIFY_FAILED"):
        carrier_of(tmp_path, strange).fetch(offer, "model", into)


def test_a_client_without_a_certificate_is_refused(
    secured: Depot, cluster_authority: Authority
) -> None:
    """It may know the authority and the address: no byte is served."""
    context = ssl.create_default_context(cafile=cluster_authority.issue("any").ca)
    context.check_hostname = False
    connection = http.client.HTTPSConnection(*address(secured), context=context, timeout=20)
    with pytest.raises((ssl.SSLError, ConnectionError)):  # noqa: PT012 - either call may fail
        connection.request("GET", "/v1/blobs/x")
        connection.getresponse()
    connection.close()


def test_plain_speech_is_refused(secured: Depot) -> None:
    """No redirect, no answer."""
    answer = b""
    with (
        socket.create_connection(address(secured), timeout=20) as line,
        suppress(ConnectionError),
    ):
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        answer = line.recv(1000)
    assert b"HTTP/1.1" not in answer


def test_old_protocols_are_refused(secured: Depot, cluster_authority: Authority) -> None:
    """Both ends are this program, so only the newest is spoken."""
    context = client_context(cluster_authority.issue("worker"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(address(secured), timeout=20) as line,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(line)


def test_a_worker_without_certificates_sends_nothing_there(
    offer: Offer, tmp_path: Path, into: Path
) -> None:
    """It says what is missing instead."""
    with pytest.raises(TransferRefusedError, match="observed a depot with https, allowed http"):
        carrier_of(tmp_path, None).fetch(offer, "model", into)


def test_a_worker_with_certificates_speaks_to_no_plain_depot(
    depot: Depot, cluster_authority: Authority, tmp_path: Path, into: Path
) -> None:
    """An offer cannot talk it out of encryption."""
    offer = depot.offer("7.1", {})
    with pytest.raises(TransferRefusedError, match="observed a depot with http, allowed https"):
        carrier_of(tmp_path, cluster_authority.issue("worker")).deliver(offer, into)


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "build.example:0"])
def test_without_certificates_only_loopback_is_listened_on(listen: str, tmp_path: Path) -> None:
    """A start is refused with the way out."""
    with pytest.raises(CannotStartError, match="without TLS, allowed loopback"):
        Depot(listen=listen, tls=None, staging=tmp_path / "staging")


def test_a_wildcard_is_no_address_to_connect_to(
    cluster_authority: Authority, tmp_path: Path
) -> None:
    """Unless somebody says which one is."""
    tls = cluster_authority.issue("daemon")
    with pytest.raises(CannotStartError, match="no address to connect to"):
        Depot(listen="0.0.0.0:0", tls=tls, staging=tmp_path)
    depot = Depot(listen="0.0.0.0:8790", tls=tls, staging=tmp_path, advertise="build.example")
    assert depot.url == "https://build.example:8790"


@pytest.mark.parametrize("file", ["ca", "certificate", "key"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_files_that_are_no_certificates(
    cluster_authority: Authority, tmp_path: Path, file: str, content: str | None
) -> None:
    """Named at the start, for the daemon as for a worker."""
    broken = tmp_path / "broken.pem"
    if content is not None:
        broken.write_text(content)
    tls = replace(cluster_authority.issue("daemon"), **{file: broken})
    for make in (server_context, client_context):
        with pytest.raises(CannotStartError, match=r"broken\.pem"):
            make(tls)
