"""What a person sees: live views on a real terminal, of a real daemon and a real conversion."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from daemon_process import BUILD_SECONDS, START_SECONDS, DaemonProcess
from terminal import CONTROL_C, terminal
from waiting import wait_until

POLICY = 'variants = ["float32", "dynamic_range", "float16", "weight_only_int8"]\n'
A_VARIANT = re.compile(r"dynamic_range|float16|weight_only_int8")
"""One of many stages: any single one may be shorter than the time between two looks."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that the tests may start again."""
    started = DaemonProcess(tmp_path_factory.mktemp("daemon"))
    (started.root / ".tflited.toml").write_text(POLICY)
    started.start()
    yield started
    started.stop()


def drop(daemon: DaemonProcess, name: str) -> None:
    """A small model."""
    shutil.copyfile(zoo.small("lstm.keras"), daemon.root / name)


def test_the_watch_follows_a_build(daemon: DaemonProcess) -> None:
    """From the queue through its stages and variants to the set; Ctrl-C ends it well."""
    with terminal("status", "--watch", "--config", str(daemon.main_file)) as seen:
        seen.wait_for(": ready, 0 of ", START_SECONDS)
        drop(daemon, "followed.keras")
        seen.wait_for("models/followed.keras", BUILD_SECONDS)
        ended = seen.wait_for("models/followed.keras  published", BUILD_SECONDS)
        seen.wait_for("1 published", BUILD_SECONDS, after=ended - 2000 if ended > 2000 else 0)
        seen.press(CONTROL_C)
        assert seen.wait() == 0
        assert A_VARIANT.search(seen.text)
        assert "Traceback" not in seen.text
        assert "\x1b[?25h" in seen.raw  # the cursor is back


def test_the_watch_survives_a_restart(daemon: DaemonProcess) -> None:
    """It says that the daemon is away, and follows the next one by itself."""
    with terminal("status", "--watch", "--config", str(daemon.main_file)) as seen:
        seen.wait_for(": ready", START_SECONDS)
        daemon.stop()
        away = seen.wait_for("No daemon answers on ", START_SECONDS)
        seen.wait_for("Trying again.", START_SECONDS, after=away)
        daemon.start()
        seen.wait_for(": ready", START_SECONDS, after=len(seen.text) - 200)
        seen.press(CONTROL_C)
        assert seen.wait() == 0


def test_a_pipe_gets_a_line_for_each_event(daemon: DaemonProcess, tmp_path: Path) -> None:
    """Plain, whole lines that grep reads; they go on over a restart, and SIGINT ends them well."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tflited", "status", "--watch"]
    with (
        out.open("wb") as stream,
        subprocess.Popen([*command, "--config", str(daemon.main_file)], stdout=stream) as process,
    ):
        try:
            wait_until(lambda: ": ready" in out.read_text(), START_SECONDS, what="the first line")
            drop(daemon, "piped.keras")
            line = "models/piped.keras  published"
            wait_until(lambda: line in out.read_text(), BUILD_SECONDS, what="the last event")
            daemon.stop()
            wait_until(lambda: "No daemon" in out.read_text(), START_SECONDS, what="the outage")
            daemon.start()
            wait_until(lambda: out.read_text().count(": ready") == 2, START_SECONDS, what="it back")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(START_SECONDS) == 0
    text = out.read_text()
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if "piped.keras  quantise dynamic_range" in line]


def test_a_conversion_shows_its_steps(tmp_path: Path) -> None:
    """Each stage with its variant and its time, moving; then the table of variants."""
    (tmp_path / ".tflited.toml").write_text(POLICY)
    shutil.copyfile(zoo.small("lstm.keras"), tmp_path / "net.keras")
    arguments = ("convert", str(tmp_path / "net.keras"), "--output", str(tmp_path / "out"))
    with terminal(*arguments) as seen:
        assert seen.wait() == 0
        text, raw = seen.text, seen.raw
    steps, _, result = text.rpartition("variant")
    last = steps.splitlines()
    for stage in ("load", "lower", "quantise", "prove", "publish"):
        assert [line for line in last if "✓" in line and f" {stage} " in line], stage
    assert "dynamic_range" in steps
    assert "proven" in result
    assert "\x1b[1A" in raw  # it moves


def test_a_conversion_in_a_pipe_has_plain_lines(tmp_path: Path) -> None:
    """One for each step with the time it began, on standard error."""
    (tmp_path / ".tflited.toml").write_text(POLICY)
    shutil.copyfile(zoo.small("lstm.keras"), tmp_path / "net.keras")
    command = [sys.executable, "-m", "tflited", "convert", str(tmp_path / "net.keras")]
    ended = subprocess.run(
        [*command, "--output", str(tmp_path / "out")], capture_output=True, text=True, check=True
    )
    assert "\x1b" not in ended.stdout + ended.stderr
    assert [
        line for line in ended.stderr.splitlines() if line.endswith(" s  quantise dynamic_range")
    ]
    rows = [line.split() for line in ended.stdout.splitlines()]
    assert [row for row in rows if row[:2] == ["float32", "proven"]]
