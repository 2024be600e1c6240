"""``tflited worker`` and ``tflited scheduler``: the other machines of a cluster."""

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from tflited import toolchain
from tflited.domain.cluster import (
    GIB,
    LEAST_TTL_SECONDS,
    SchedulerSettings,
    TlsFiles,
    WorkerSettings,
)
from tflited.errors import UsageError
from tflited.telemetry import logs

CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file", envvar="TFLITED_CA_FILE", help="Certificate of the cluster's authority."
    ),
]
CertificateFile = Annotated[
    Path | None,
    typer.Option(
        "--certificate-file", envvar="TFLITED_CERTIFICATE_FILE", help="This machine's certificate."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", envvar="TFLITED_KEY_FILE", help="The certificate's private key."),
]
LogFormat = Annotated[
    str, typer.Option("--log-format", envvar="TFLITED_LOG_FORMAT", help="auto, json or console.")
]
Address = Annotated[
    str,
    typer.Argument(
        envvar="TFLITED_SCHEDULER", help="tls://HOST:PORT, or tcp:// on this machine alone."
    ),
]
Own = Annotated[
    Path,
    typer.Option(
        "--directory", "-d", envvar="TFLITED_WORKER_DIRECTORY", help="Its own, for copies."
    ),
]
Name = Annotated[
    str, typer.Option("--name", envvar="TFLITED_WORKER_NAME", help="By default the host's.")
]
Slots = Annotated[
    int,
    typer.Option(
        "--slots",
        envvar="TFLITED_WORKER_SLOTS",
        min=0,
        max=64,
        help="Attempts at once; 0 for as many as the machine bears.",
    ),
]
MemoryGib = Annotated[
    float,
    typer.Option(
        "--memory-gib",
        envvar="TFLITED_WORKER_MEMORY_GIB",
        min=0,
        help="Memory that attempts may reserve together; 0 for all there is.",
    ),
]
CacheGib = Annotated[
    float,
    typer.Option(
        "--cache-gib", envvar="TFLITED_WORKER_CACHE_GIB", min=0, help="For fetched models."
    ),
]
Listen = Annotated[
    str,
    typer.Option(
        "--listen",
        envvar="TFLITED_WORKER_LISTEN",
        help="HOST:PORT for the scheduler and the daemon; by default a free port.",
    ),
]
DrainSeconds = Annotated[
    float,
    typer.Option(
        "--drain-seconds",
        envvar="TFLITED_WORKER_DRAIN_SECONDS",
        min=0,
        help="How long a stop waits for running attempts.",
    ),
]


def worker(  # noqa: PLR0913, PLR0917  # one for each option
    scheduler: Address,
    directory: Own = Path("tflited-worker"),
    name: Name = "",
    slots: Slots = 0,
    memory_gib: MemoryGib = 0,
    cache_gib: CacheGib = 20,
    listen: Listen = "",
    drain_seconds: DrainSeconds = 60,
    ca_file: CaFile = None,
    certificate_file: CertificateFile = None,
    key_file: KeyFile = None,
    log_format: LogFormat = "auto",
) -> int:
    """Run a worker of a cluster in the foreground until SIGTERM."""
    from tflited.cluster import work

    logs.configure(format=log_format, level="info")
    host, port = _listen(listen)
    work(
        WorkerSettings(
            scheduler=scheduler,
            tls=_tls(ca_file, certificate_file, key_file),
            name=name or socket.gethostname(),
            slots=slots or toolchain.automatic_workers(),
            memory_bytes=round(memory_gib * GIB) or _memory_bytes(),
            directory=directory.absolute(),
            cache_bytes=round(cache_gib * GIB),
            host=host,
            port=port,
            drain_seconds=drain_seconds,
        )
    )
    return 0


def scheduler(
    listen: Annotated[
        str,
        typer.Argument(
            envvar="TFLITED_SCHEDULER_LISTEN",
            help="tls://HOST:PORT, or tcp:// on this machine alone.",
        ),
    ] = "tcp://127.0.0.1:8786",
    worker_ttl_seconds: Annotated[
        float,
        typer.Option(
            "--worker-ttl-seconds",
            envvar="TFLITED_WORKER_TTL_SECONDS",
            min=LEAST_TTL_SECONDS,
            help="A worker without a heartbeat for so long is dropped.",
        ),
    ] = 60,
    ca_file: CaFile = None,
    certificate_file: CertificateFile = None,
    key_file: KeyFile = None,
    log_format: LogFormat = "auto",
) -> int:
    """Run the scheduler of a cluster in the foreground until SIGTERM."""
    from tflited.cluster import schedule

    logs.configure(format=log_format, level="info")
    schedule(
        SchedulerSettings(
            listen=listen,
            tls=_tls(ca_file, certificate_file, key_file),
            worker_ttl_seconds=worker_ttl_seconds,
        )
    )
    return 0


def _tls(ca: Path | None, certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """All three files or none.

    Raises:
        UsageError: one or two are named, or one cannot be read.
    """
    if ca is None or certificate is None or key is None:
        if ca is certificate is key is None:
            return None
        raise UsageError(
            "Certificates: observed some of --ca-file, --certificate-file and --key-file,"
            " allowed all three or none.",
            hint="docs/scaling.md shows how to make them",
        )
    for path in (ca, certificate, key):
        if not os.access(path, os.R_OK):
            raise UsageError(f"{path} cannot be read.", hint="let the service's user read it")
    return TlsFiles(ca=ca.absolute(), certificate=certificate.absolute(), key=key.absolute())


def _listen(text: str) -> tuple[str, int]:
    if not text:
        return "", 0
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= 2**16:
        raise UsageError(f"--listen: observed {text!r}, allowed HOST:PORT.")
    return host.strip("[]"), int(port)


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
