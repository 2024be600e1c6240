"""``tflited doctor``: looks for what would keep the daemon from working here."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tflited import toolchain
from tflited.cli import machine, unit
from tflited.cli.finding import Finding
from tflited.cli.options import Config, Directory, settings
from tflited.domain.access import UploadRules
from tflited.domain.broker import BrokerSettings
from tflited.domain.cluster import ClusterSettings, split_address
from tflited.errors import BrokerError, CannotStartError
from tflited.output.tree import OutputTree
from tflited.settings.model import Settings
from tflited.triggers.broker.access import check_reachable
from tflited.workers.cluster.setting_up import engine_version

_IMPORT_SECONDS = 120
_CONNECT_SECONDS = 5


def doctor(config: Config = None, directory: Directory = None) -> int:
    """Check this machine and configuration; exit 1 when something needs mending."""
    loaded = settings(config, directory)
    findings = list(_findings(loaded))
    for finding in findings:
        print(f"[{'+' if finding.is_ok else '-'}] {finding.name}: {finding.text}")
    return 0 if all(finding.is_ok for finding in findings) else 1


def _findings(loaded: Settings) -> Iterator[Finding]:
    yield Finding("configuration", True, f"{loaded.source}, {len(loaded.roots)} roots")
    yield _toolchain()
    yield _preload()
    yield _micro()
    for root in loaded.roots:
        is_ok = os.access(root.path, os.R_OK | os.X_OK)
        fix = "" if is_ok else "; create it, or let the service's user read it"
        yield Finding(f"root {root.name}", is_ok, f"{root.path}{fix}")
    if loaded.http.uploads is not None:
        yield _uploads(loaded, loaded.http.uploads)
    yield _output(loaded.output)
    if loaded.broker is not None:
        yield _broker(loaded.broker)
    if loaded.cluster is not None:
        yield from cluster(loaded.cluster)
    yield from machine.findings(loaded)
    yield from unit.findings()
    compiler = shutil.which("cc")
    missing = "absent; C arrays are written all the same, only checking them needs one"
    yield Finding("C compiler", True, compiler or missing)


def _toolchain() -> Finding:
    versions = toolchain.versions()
    missing = [
        name
        for name, value in versions.items()
        if value == toolchain.ABSENT and name not in toolchain.OPTIONAL
    ]
    return Finding(
        "toolchain", not missing, ", ".join(f"{name} {value}" for name, value in versions.items())
    )


def _micro() -> Finding:
    """TFLM is an extra: without it nothing is wrong, but ``unverified`` wants an explanation."""
    if toolchain.versions()["tflite-micro"] == toolchain.ABSENT:
        text = (
            'absent; files for target = "micro" stay unverified, without an arena size: '
            "pip install --pre tflite-micro (it has pre-releases only)"
        )
        return Finding("tflite-micro", True, text)
    command = [sys.executable, "-c", "import tflite_micro"]
    done = subprocess.run(  # noqa: S603  # our own interpreter and a constant
        command, capture_output=True, text=True, timeout=_IMPORT_SECONDS, check=False
    )
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    text = "loads; a pre-release, as all of its versions are"
    if done.returncode != 0:
        text = f"does not load: {last}; install it again, or uninstall it"
    return Finding("tflite-micro", done.returncode == 0, text)


def _preload() -> Finding:
    """Whether a child's libraries load, in a process of their own."""
    command = [sys.executable, "-c", "import tflited.convert.preload"]
    done = subprocess.run(  # noqa: S603  # our own interpreter and a constant
        command, capture_output=True, text=True, timeout=_IMPORT_SECONDS, check=False
    )
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    text = "loads" if done.returncode == 0 else f"does not load: {last}; install it again"
    return Finding("tensorflow", done.returncode == 0, text)


def _uploads(loaded: Settings, rules: UploadRules) -> Finding:
    """Whether uploads can land: the folder is made in the root when it is missing."""
    root = next(root.path for root in loaded.roots if root.name == rules.root)
    folder = root / rules.folder
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        text = f"{there} cannot be written; let the service's user write there"
        return Finding("uploads", False, text)
    return Finding("uploads", True, f"land in {folder}")


def _output(path: Path) -> Finding:
    if not path.exists():
        return Finding("output", os.access(path.parent, os.W_OK), f"{path} will be created")
    reason = OutputTree(path).check_writable()
    return Finding("output", not reason, reason or str(path))


def cluster(settings: ClusterSettings) -> Iterator[Finding]:
    """Whether the extra is installed, the certificates can be read, and the scheduler listens."""
    try:
        yield Finding("dask", True, f"distributed {engine_version()}")
    except CannotStartError as error:
        yield Finding("dask", False, str(error))
    tls = settings.tls
    for path in () if tls is None else (tls.ca, tls.certificate, tls.key):
        is_ok = os.access(path, os.R_OK)
        fix = "" if is_ok else ": cannot be read; let the service's user read it"
        yield Finding("certificate", is_ok, f"{path}{fix}")
    address = split_address(settings.scheduler)
    if address is None:
        return
    try:
        with socket.create_connection((address.host.strip("[]"), address.port), _CONNECT_SECONDS):
            yield Finding("scheduler", True, f"{settings.scheduler} listens")
    except OSError as error:
        text = f"{settings.scheduler}: {error}; start `tflited scheduler` there"
        yield Finding("scheduler", False, text)


def _broker(settings: BrokerSettings) -> Finding:
    try:
        check_reachable(settings)
    except BrokerError as error:
        return Finding("broker", False, str(error))
    return Finding("broker", True, f"{settings.kind} at {settings.url} answers")
