"""A folder of models through the running daemon, against a shell loop over tflite_convert."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stopwatch import BenchmarkError, comparison, quiet, wait_until
from tflited.cli.client import Client
from tflited.errors import TflitedError

START_SECONDS: Final = 120.0
MODEL_SECONDS: Final = 180.0
STOP_SECONDS: Final = 60.0
PEER_MODELS: Final = 2
INSTALL_WATCHER: Final = "apt-get install inotify-tools"
MAIN_FILE: Final = """\
[http]
listen = "127.0.0.1:0"

[[root]]
name = "models"
path = "models"
"""
SHELL: Final = """\
folder=$1; output=$2; shift 2; program=("$@")
convert() {
  "${program[@]}" --saved_model_dir "$folder/$1" --output_file "$output/$1.part" < /dev/null &&
    mv "$output/$1.part" "$output/$1.tflite"
}
"""
WATCHED: Final = f"""{SHELL}
inotifywait -m -e moved_to --format %f "$folder" | while read -r name; do convert "$name"; done
"""
UNWATCHED: Final = f"""{SHELL}
for path in "$folder"/*; do convert "${{path##*/}}"; done
"""


def measure(model: Path, count: int, folder: Path) -> dict[str, Any]:
    """Both ways once, one after the other.

    Args:
        model: the SavedModel that is copied under several names.
        count: how many copies the daemon gets.
        folder: an empty directory to work in.

    Raises:
        BenchmarkError: something was not converted in time.
    """
    has_watcher = shutil.which("inotifywait") is not None
    measured = min(PEER_MODELS, count)
    ours = _ours(model, count, _made(folder / "ours"))
    raw = _peer(model, measured, _made(folder / "peer"), has_watcher=has_watcher)
    return {
        "what": "first copy to last result of a daemon that has built before, one pair,"
        " default settle time and policy, proof on",
        "models": count,
        "peer": "inotifywait -m and one tflite_convert (float32 only, no proof) for each model"
        if has_watcher
        else f"the same loop without a watcher, which is missing: {INSTALL_WATCHER}",
        "peer_models_measured": measured,
        "peer_measured_seconds": round(raw, 4),
        "peer_scaling": f"measured on {measured} models, scaled linearly to {count}",
        **comparison([ours], [raw / measured * count]),
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    (folder / "models").mkdir()
    return folder


def _ours(model: Path, count: int, folder: Path) -> float:
    with _daemon(folder):
        # A running daemon has tensorflow loaded: that takes seconds in the background, once.
        copy(model, folder / "models" / "before")
        _wait_for([folder / "output" / "models" / "before" / "manifest.json"])
        started = time.monotonic()
        names = [f"model{number}" for number in range(count)]
        for name in names:
            copy(model, folder / "models" / name)
        manifests = [folder / "output" / "models" / name / "manifest.json" for name in names]
        _wait_for(manifests)
        return time.monotonic() - started


@contextlib.contextmanager
def _daemon(folder: Path) -> Iterator[None]:
    """The real program, ready; ended whatever happens."""
    main_file = folder / "tflited.toml"
    main_file.write_text(MAIN_FILE, encoding="utf-8")
    command = [sys.executable, "-m", "tflited", "serve", "--config", str(main_file)]
    with running_program(command, folder / "log") as process:
        client = Client(folder / "state" / "tflited.sock")
        wait_until(lambda: _is_ready(client, process), START_SECONDS, "ready daemon")
        yield


def _is_ready(client: Client, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise BenchmarkError(f"The daemon ended with {process.returncode} before it was ready.")
    with contextlib.suppress(TflitedError):
        return bool(client.get("/api/v1/status")["is_ready"])
    return False


def _peer(model: Path, count: int, folder: Path, *, has_watcher: bool) -> float:
    watched, output, log = folder / "models", folder / "output", folder / "log"
    output.mkdir()
    script = WATCHED if has_watcher else UNWATCHED
    command = ["bash", "-c", script, "loop", str(watched), str(output), *_converter()]
    names = [f"model{number}" for number in range(count)]
    results = [output / f"{name}.tflite" for name in names]
    if not has_watcher:
        started = time.monotonic()
        _drop(model, watched, names)
        with running_program(command, log):
            _wait_for(results)
            return time.monotonic() - started
    with running_program(command, log):
        wait_until(lambda: b"established" in log.read_bytes(), START_SECONDS, "watch")
        started = time.monotonic()
        _drop(model, watched, names)
        _wait_for(results)
        return time.monotonic() - started


def _converter() -> list[str]:
    """The console script beside the interpreter, else the module that it calls."""
    script = Path(sys.executable).parent / "tflite_convert"
    if script.is_file():
        return [sys.executable, str(script)]
    return [sys.executable, "-m", "tensorflow.lite.python.tflite_convert"]


def _drop(model: Path, watched: Path, names: list[str]) -> None:
    # Moved in whole: the loop cannot tell a half-written model from a whole one.
    for name in names:
        aside = watched.parent / name
        copy(model, aside)
        aside.rename(watched / name)


def copy(model: Path, destination: Path) -> None:
    """Copies a model, each of its files whole and new."""
    for path in sorted(model.rglob("*")):
        target = destination / path.relative_to(model)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


@contextlib.contextmanager
def running_program(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, its output in a file; ends with all its children."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, env=quiet(), start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait_for(results: list[Path]) -> None:
    deadline = MODEL_SECONDS * len(results)
    wait_until(lambda: all(path.exists() for path in results), deadline, "result for every model")
