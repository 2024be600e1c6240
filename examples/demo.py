"""Shows the whole way of one model: train it, drop it into a watched folder, read what came out.

    python examples/demo.py [--keep]

Starts a daemon of its own below a scratch directory, with the built-in defaults and no
configuration file, and ends it again. Exits with 1 and says what was missing when anything fails.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

EXAMPLES: Final = Path(__file__).resolve().parent
MODEL: Final = "digits"
READY_SECONDS: Final = 60.0
PUBLISH_SECONDS: Final = 300.0
STOP_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.25
METRICS: Final = (
    "tflited_ready",
    "tflited_jobs_total",
    "tflited_sets_published_total",
    "tflited_variants_total",
)
LOG_LINES: Final = 20


class DemoError(Exception):
    """Something did not come out as it must."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the daemon's control socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10.0)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket; opened by a relative name, since its path may be too long."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.path.relpath(self._path))


def main() -> int:
    """Runs the demo; the exit code is 0 when everything came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave the scratch directory behind")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the daemon is ended, too
    scratch = Path(tempfile.mkdtemp(prefix="tflited-demo-"))
    try:
        run(scratch, Console())
    except (DemoError, OSError, subprocess.SubprocessError) as error:
        print(f"The demo failed: {error}\n{log_tail(scratch)}", file=sys.stderr)
        print(f"Left for a look: {scratch}", file=sys.stderr)
        return 1
    if keep:
        print(f"Kept: {scratch}")
    else:
        remove(scratch)
    return 0


def run(scratch: Path, console: Console) -> None:
    """The steps, one after the other."""
    console.rule("1. train a small classifier of handwritten digits")
    trained = scratch / "trained"
    script = [sys.executable, str(EXAMPLES / "train_digits.py"), str(trained)]
    subprocess.run([*script, "--format", "saved_model"], check=True, env=quiet())
    (scratch / "models").mkdir()
    with daemon(scratch) as process:
        console.rule("2. start the daemon on an empty folder")
        wait(lambda: is_ready(scratch), READY_SECONDS, "ready", process)
        console.rule("3. drop the model into it")
        copy_tree(trained / MODEL, scratch / "models" / MODEL)
        manifest, report = published(scratch, process)
        console.rule("4. what was published")
        show_tree(scratch / "output", console)
        console.print(table(manifest, report))
        console.rule("5. what the daemon counted")
        show_metrics(scratch, console)
        console.rule("6. stop")
        stop(process)
    show_artifacts(scratch / "output" / "models" / MODEL, manifest)


@contextlib.contextmanager
def daemon(scratch: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running daemon, its log in a file; whatever happens, it does not outlive the demo."""
    command = [sys.executable, "-m", "tflited", "serve", "--directory", str(scratch)]
    with (scratch / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=quiet()
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the daemon to end and requires that it ends well."""
    process.send_signal(signal.SIGTERM)
    code = process.wait(STOP_SECONDS)
    if code:
        raise DemoError(f"The daemon ended with {code} after SIGTERM, allowed 0.")


def wait(
    condition: Callable[[], Any],
    deadline_seconds: float,
    what: str,
    process: subprocess.Popen[bytes],
) -> Any:
    """The condition's value once it is true, while the daemon runs."""
    end = time.monotonic() + deadline_seconds
    pause = threading.Event()
    while not (value := condition()):
        if process.poll() is not None:
            raise DemoError(f"The daemon ended with {process.returncode} before it was {what}.")
        if time.monotonic() > end:
            raise DemoError(f"Not {what} within {deadline_seconds:.0f} s.")
        pause.wait(POLL_SECONDS)
    return value


def is_ready(scratch: Path) -> bool:
    """Whether ``tflited status`` says that the daemon accepts work."""
    command = [sys.executable, "-m", "tflited", "status", "--json", "--directory", str(scratch)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet())
    if answer.returncode:
        return False
    return bool(json.loads(answer.stdout)["is_ready"])


def published(
    scratch: Path, process: subprocess.Popen[bytes]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the report of the set, as soon as there is one."""
    path = scratch / "output" / "models" / MODEL / "manifest.json"
    wait(path.exists, PUBLISH_SECONDS, "published", process)
    report = path.with_name("report.json")
    return json.loads(path.read_bytes()), json.loads(report.read_bytes())


def table(manifest: dict[str, Any], report: dict[str, Any]) -> Table:
    """One line for each variant that was asked for."""
    errors = {entry["variant"]: worst_error(entry) for entry in report["variants"]}
    made = Table(title=f"{manifest['root']}/{manifest['path']}")
    made.add_column("variant", no_wrap=True)
    made.add_column("state")
    for heading in ("bytes", "of float32", "min SNR dB", "max error"):
        made.add_column(heading, justify="right")
    made.add_column("reason")
    for entry in manifest["variants"]:
        made.add_row(
            entry["variant"],
            entry["state"],
            f"{entry['size_bytes']:,}",
            number(entry["size_ratio"], ".2f"),
            number(entry["min_snr_db"], ".1f"),
            number(errors.get(entry["variant"]), ".1e"),
            entry["reason"],
        )
    return made


def worst_error(variant: dict[str, Any]) -> float | None:
    """Greatest absolute difference from the source over all outputs; None without a comparison."""
    return max((output["max_abs_error"] for output in variant["fidelity"]), default=None)


def number(value: float | None, form: str) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else format(value, form)


def show_tree(output: Path, console: Console) -> None:
    """Every file of the output tree that is meant for readers."""
    for path in sorted(output.rglob("*")):
        below = path.relative_to(output)
        if path.is_file() and not below.parts[0].startswith("."):
            console.print(f"{path.stat().st_size:>9,}  {below}", highlight=False)


def show_metrics(scratch: Path, console: Console) -> None:
    """A few lines of ``/metrics``, read over the control socket."""
    connection = UnixConnection(scratch / "state" / "tflited.sock")
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        text = response.read().decode()
    if response.status != http.client.OK:
        raise DemoError(f"/metrics answered {response.status}, allowed 200.")
    lines = [line for line in text.splitlines() if line.startswith("tflited_")]
    if not lines:
        raise DemoError("/metrics holds no line that begins with tflited_.")
    counted = [line for line in lines if line.startswith(METRICS) and not line.endswith(" 0.0")]
    for line in counted:
        console.print(line, highlight=False, markup=False)


def show_artifacts(folder: Path, manifest: dict[str, Any]) -> None:
    """The published artifacts; these are the last lines."""
    paths = [folder / entry["path"] for entry in manifest["files"]]
    artifacts = [path for path in paths if path.suffix in {".tflite", ".c", ".h"}]
    missing = [path for path in artifacts if not path.is_file()]
    if missing or not artifacts:
        raise DemoError(f"{len(artifacts)} artifacts in the manifest, missing: {missing}.")
    print(f"Published {len(artifacts)} artifacts:")
    for path in artifacts:
        print(path.relative_to(folder.parents[2]))


def copy_tree(source: Path, destination: Path) -> None:
    """Copies a model the way a user does: file by file, nothing renamed into place."""
    for path in sorted(source.rglob("*")):
        target = destination / path.relative_to(source)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def remove(folder: Path) -> None:
    """Removes the scratch directory; private copies in it are read-only, which stops nobody."""
    shutil.rmtree(folder)


def log_tail(scratch: Path) -> str:
    """The end of the daemon's log."""
    log = scratch / "daemon.log"
    if not log.is_file():
        return "The daemon was not started."
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:])


def quiet() -> dict[str, str]:
    """This environment with tensorflow's start-up messages off."""
    return {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", **os.environ}


if __name__ == "__main__":
    sys.exit(main())
