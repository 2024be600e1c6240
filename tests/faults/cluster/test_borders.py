"""Who may speak to a cluster: with certificates its members alone, without them this machine."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from cluster_executors import a_request, an_executor, running_executor
from clusters import QUICK, Cluster, running_cluster
from programs import requires_program
from tflited.domain.attempt import AttemptLimits, AttemptResult
from waiting import wait_until

WAIT_SECONDS = 60
NEEDS_OPENSSL = requires_program("openssl", "apt-get install openssl")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def an_authority(folder: Path, *names: str) -> Path:
    """An authority and certificates that it signed, made as docs/scaling.md shows."""
    folder.mkdir()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    subject = ("-subj", "/CN=tflited cluster")
    openssl(folder, "req", "-x509", *key, *subject, "-keyout", "ca.key", "-out", "ca.pem")
    for name in names:
        out = ("-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(folder, "req", *key, "-subj", f"/CN={name}", *out)
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed)
    return folder


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of the cluster."""
    folder = tmp_path_factory.mktemp("tls") / "cluster"
    return an_authority(folder, "scheduler", "one", "daemon")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of another authority, under the same names."""
    return an_authority(tmp_path_factory.mktemp("tls") / "strangers", "one", "daemon")


@pytest.fixture(scope="module")
def encrypted(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose every connection is mutual TLS."""
    folder = tmp_path_factory.mktemp("encrypted")
    with running_cluster(folder, ["one"], certificates, program=QUICK) as made:
        yield made


@NEEDS_OPENSSL
def test_members_build(encrypted: Cluster, tmp_path: Path) -> None:
    """Order, model, set and answer go over TLS alone."""
    with running_executor(encrypted, tmp_path) as executor:
        request = a_request(tmp_path, "ok")
        outcome = executor.run_attempt(request, AttemptLimits(), lambda *_: None, Event())
    assert outcome.result is AttemptResult.OK


@NEEDS_OPENSSL
def test_a_client_without_a_certificate_is_refused(encrypted: Cluster) -> None:
    """By the scheduler and by the worker: encryption alone lets nobody in."""
    (address,) = [event["address"] for event in encrypted.workers[0].events("scheduler_joined")]
    for place in (encrypted.address, address):
        host, _, port = place.removeprefix("tls://").rpartition(":")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises((ssl.SSLError, ConnectionError)):
            talk(context, host, int(port))


@NEEDS_OPENSSL
def test_a_certificate_of_another_authority_is_refused(encrypted: Cluster, strangers: Path) -> None:
    """Also one that trusts the scheduler's."""
    host, _, port = encrypted.address.removeprefix("tls://").rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(strangers / "daemon.pem", strangers / "daemon.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        talk(context, host, int(port))


@NEEDS_OPENSSL
@pytest.mark.parametrize("kind", ["plain", "stranger"])
def test_a_daemon_that_is_no_member_never_connects(
    encrypted: Cluster, strangers: Path, tmp_path: Path, kind: str
) -> None:
    """Dask's own client over plain TCP, and with another authority's certificate; it says why."""
    outside = _outside(encrypted, strangers if kind == "stranger" else None)
    executor = an_executor(outside, tmp_path)
    executor.start()
    try:
        wait_until(lambda: "not connected yet" not in executor.reason, WAIT_SECONDS, what="a try")
        assert not executor.is_ready
        assert executor.reason
    finally:
        executor.stop(20)


def _outside(cluster: Cluster, certificates: Path | None) -> Any:
    """The same cluster as somebody sees it who has other certificates, or none."""
    other = object.__new__(Cluster)
    address = cluster.address
    other.folder, other.certificates = cluster.folder / "outside", certificates
    other.address = address if certificates else address.replace("tls://", "tcp://")
    other.workers = []
    return other


def talk(context: ssl.SSLContext, host: str, port: int) -> None:
    """Connects and waits for a word: with TLS 1.3 a refusal comes after the handshake."""
    plain = socket.create_connection((host, port), WAIT_SECONDS)
    with context.wrap_socket(plain) as connection:
        connection.sendall(b"\0" * 64)
        if connection.recv(1) == b"":
            raise ConnectionResetError
