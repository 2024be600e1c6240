"""What real children say, kept by attempt and shown by the command; the models bring the words."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

import zoo
from daemon_process import BUILD_SECONDS, DaemonProcess
from log_page import undocumented
from waiting import wait_until

SAYS = """
import os
print("hello from python", flush=True)
os.write(2, b"\\x1b[31mfrom native code\\x1b[0m \\x07<script>alert(1)</script>\\n")
"""
ABORTS = """
import ctypes
ctypes.CDLL(None).__assert_fail(b"rank == 4", b"kernel.cc", 7, b"Compute")
"""
FLOODS = """
import os
os.write(2, b"the first line\\n")
for number in range(4000):
    os.write(2, b"flood " * 1000)
os.write(2, b"\\nthe last line\\n")
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon whose root may bring code."""
    started = DaemonProcess(tmp_path_factory.mktemp("daemon"))
    started.main_file.write_text(started.main_file.read_text() + "trusted = true\n")
    started.start()
    yield started
    started.stop()


def drop(daemon: DaemonProcess, name: str, words: str) -> None:
    """A model whose module says something before it gives its layers."""
    folder = daemon.root / name
    folder.mkdir()
    layers = zoo.small("layers.py").read_text()
    (folder / "layers.py").write_text(f"{words}\n{layers}")
    policy = 'variants = ["float32"]\ncustom_objects = "layers.py"\n'
    (folder / ".tflited.toml").write_text(policy)
    shutil.copyfile(zoo.small("custom_layers.keras"), folder / "model.keras")


def attempts(daemon: DaemonProcess, name: str, count: int = 1) -> list[dict[str, Any]]:
    """The records of the one job of a model, once there are so many."""

    def records() -> list[dict[str, Any]]:
        jobs = daemon.jobs(f"{name}/model.keras")
        found = daemon.get(f"jobs/{jobs[0]['id']}/attempts") if jobs else []
        return found if len(found) >= count else []

    return wait_until(records, BUILD_SECONDS, what=f"{count} attempts of {name}")


def logs(daemon: DaemonProcess, job: int, *options: str) -> subprocess.CompletedProcess[str]:
    """``tflited logs`` as a person runs it."""
    command = [sys.executable, "-m", "tflited", "logs", str(job), *options]
    return subprocess.run(
        [*command, "--config", str(daemon.main_file)], capture_output=True, text=True, check=False
    )


def test_what_a_conversion_said_is_shown_by_job(daemon: DaemonProcess) -> None:
    """Python's lines and native ones, without power over the terminal, under their heads."""
    drop(daemon, "says", SAYS)
    (record,) = attempts(daemon, "says")
    shown = logs(daemon, record["job_id"])

    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    about = "models/says/model.keras under policy built-in"
    assert lines[0] == f"job {record['job_id']}, attempt 1: {about}"
    assert lines[1].startswith("ended ")
    assert lines[1].endswith(" s: published")
    heads = [line for line in lines if line.startswith("== child")]
    assert [head.split(" s: ")[1] for head in heads] == ["ok", "ok"]
    assert heads[0].startswith("== child 1: convert, ")
    assert heads[1].startswith("== child 2: prove, ")
    assert "hello from python" in lines
    assert "from native code \ufffd<script>alert(1)</script>" in lines


def test_the_text_is_never_a_page(daemon: DaemonProcess) -> None:
    """Over HTTP it is plain text, whatever it says."""
    drop(daemon, "page", SAYS)
    (record,) = attempts(daemon, "page")
    url = f"http://127.0.0.1:{daemon.port()}/api/v1/jobs/{record['job_id']}/attempts/1/log"
    with urlopen(url) as answer:
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.read().decode() == logs(daemon, record["job_id"]).stdout


def test_an_abort_in_native_code_leaves_its_words(daemon: DaemonProcess) -> None:
    """The C library's own message stands in the record of each attempt that it ended."""
    drop(daemon, "aborts", ABORTS)
    record, *_ = attempts(daemon, "aborts")
    (child,) = record["children"]

    assert child["result"] == "crash"
    assert "kernel.cc:7: Compute: Assertion `rank == 4' failed." in child["said"]
    assert record["failure"]["code"] == "native_abort"
    assert "tflited logs" in record["failure"]["hint"]
    shown = logs(daemon, record["job_id"], "--attempt", "1").stdout
    assert "Assertion `rank == 4' failed." in shown
    assert "== child 1: convert, " in shown


def test_a_flood_is_bounded_and_keeps_both_ends(daemon: DaemonProcess) -> None:
    """24 MB become some 32 KiB; the conversion goes on."""
    drop(daemon, "floods", FLOODS)
    (record,) = attempts(daemon, "floods")
    said = record["children"][0]["said"]

    assert record["failure"] is None
    assert len(said) < 40_000
    assert said.startswith("the first line\n")
    assert "bytes are left out here]" in said
    assert "the last line" in said


def test_the_daemons_output_is_events_alone(daemon: DaemonProcess) -> None:
    """As the page has them; no child's line is among them, and none of TensorFlow's."""
    drop(daemon, "events", SAYS)
    attempts(daemon, "events")
    text = daemon.log.read_text()

    events = [json.loads(line) for line in text.splitlines()]
    assert not undocumented(events)
    assert "zygote_said" in {entry["event"] for entry in events}
    assert "hello from python" not in text


def test_a_job_without_a_record_says_so(daemon: DaemonProcess) -> None:
    """Which are kept, or that there is no such job; exit code 2."""
    drop(daemon, "once", SAYS)
    (record,) = attempts(daemon, "once")
    shown = logs(daemon, record["job_id"], "--attempt", "7")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "no record of attempt 7" in shown.stderr
    assert "those of 1" in shown.stderr
    assert "there is none" in logs(daemon, 10_000).stderr
