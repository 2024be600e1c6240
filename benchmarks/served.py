"""The real program over folders of its own, and what it tells of itself while it runs."""

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from folder import running_program
from stopwatch import BenchmarkError, wait_until

SETTLE_SECONDS: Final = 0.5
START_SECONDS: Final = 600.0
CONVERSION: Final = ("load", "reference", "lower", "quantise", "prove", "emit_c", "profile")
"""The stages that are conversion; copying, starting a child and publishing are overhead."""
MAIN_FILE: Final = f"""\
[daemon]
settle_seconds = {SETTLE_SECONDS}

[http]
listen = "127.0.0.1:0"

[log]
format = "json"

[[root]]
name = "models"
path = "models"
"""


class ServedDaemon:
    """The real program over the folders of a main file."""

    def __init__(self, folder: Path) -> None:
        self.root, self.output = folder / "models", folder / "output" / "models"
        self.store = folder / "state" / "jobs.sqlite3"
        self._folder, self._log = folder, folder / "log"
        self.root.mkdir(parents=True)
        (folder / "tflited.toml").write_text(MAIN_FILE, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[float]:
        """Gives the seconds from start to ready."""
        main_file = self._folder / "tflited.toml"
        command = [sys.executable, "-m", "tflited", "serve", "--config", str(main_file)]
        started = time.monotonic()
        with running_program(command, self._log) as self._process:
            wait_until(self._is_ready, START_SECONDS, "ready daemon")
            yield time.monotonic() - started

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise BenchmarkError(f"The daemon ended: {self._log.read_text()[-2000:]}")
        text = self._log.read_text(encoding="utf-8", errors="replace")
        port = re.search(r'"http_port": ?(\d+)', text)
        self.port = int(port[1]) if port else 0
        return '"is_ready": true' in text or '"is_ready":true' in text

    def metric(self, name: str) -> float:
        """A sample, summed over its labels."""
        return sum(value for sample, value in self._samples() if sample.partition("{")[0] == name)

    def conversion_seconds(self) -> float:
        """Time of every build so far in the stages of the child that work on the model."""
        name = "tflited_stage_duration_seconds_sum"
        found = ((sample, value) for sample, value in self._samples() if sample.startswith(name))
        return sum(
            value for sample, value in found if any(f'"{stage}"' in sample for stage in CONVERSION)
        )

    def published(self) -> int:
        """How many models are published and up to date."""
        return int(
            sum(
                value
                for sample, value in self._samples()
                if sample.startswith("tflited_models{") and 'result="published"' in sample
            )
        )

    def _samples(self) -> Iterator[tuple[str, float]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        for line in lines:
            if not line.startswith("#"):
                sample, _, value = line.rpartition(" ")
                yield sample, float(value)

    def status(self, key: str) -> int:
        """A number of the supervisor's ``/proc/PID/status``."""
        text = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        found = re.search(rf"^{key}:\s+(\d+)", text, re.MULTILINE)
        return int(found[1]) if found else 0

    def cpu_seconds(self) -> float:
        """What the supervisor has used so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        ticks = sum(map(int, fields.split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def _pid(self) -> int:
        return 0 if self._process is None else self._process.pid
