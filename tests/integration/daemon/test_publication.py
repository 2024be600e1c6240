"""Models dropped into a root of the real program are built once and proven."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import zoo
from daemon_process import DaemonProcess
from tree_copy import copy_files, copy_tree
from waiting import wait_until

BETWEEN_FILES_SECONDS = 2.0


def test_basic_pitch_is_published_proven(
    daemon: DaemonProcess, third_party: Callable[[str], Path]
) -> None:
    """A SavedModel of other people becomes three proven variants, by one job."""
    source = third_party("basic-pitch") / "basic_pitch/saved_models/icassp_2022/nmp"
    copy_tree(source, daemon.root / "audio" / "nmp")

    daemon.wait_for("audio/nmp", "published")

    report = json.loads((daemon.output / "models/audio/nmp/report.json").read_text())
    states = {entry["variant"]: entry["state"] for entry in report["variants"]}
    assert states == {"float32": "proven", "dynamic_range": "proven", "float16": "proven"}
    baseline = next(entry for entry in report["variants"] if entry["variant"] == "float32")
    assert max(entry["relative_error"] for entry in baseline["fidelity"]) <= 1e-3
    assert [job["state"] for job in daemon.jobs("audio/nmp")] == ["published"]


def test_a_slow_copy_is_built_once(daemon: DaemonProcess) -> None:
    """Files that come two seconds apart, within the settle time, make one build of the whole."""
    source, target = zoo.digits().model, daemon.root / "slow"
    for _ in copy_files(source, target):
        assert not daemon.jobs("slow")
        Event().wait(BETWEEN_FILES_SECONDS)

    daemon.wait_for("slow", "published")

    (job,) = daemon.jobs("slow")
    assert (job["state"], job["attempts"]) == ("published", 1)


def test_a_report_needs_no_daemon(daemon: DaemonProcess, tmp_path: Path) -> None:
    """While it runs and from a copy of the set: the same page, in a process of its own."""
    copy_tree(zoo.digits().model, daemon.root / "shown")
    daemon.wait_for("shown", "published")

    with_daemon = shown("models/shown", tmp_path / "a.html", "--config", str(daemon.main_file))
    copy_tree(daemon.output / "models" / "shown", tmp_path / "set")
    without = shown(str(tmp_path / "set"), tmp_path / "b.html", "--directory", str(tmp_path))

    assert "float32" in with_daemon
    assert "dynamic_range" in without
    page = (tmp_path / "a.html").read_bytes()
    assert page == (tmp_path / "b.html").read_bytes()
    assert b"models/shown" in page


def shown(path: str, page: Path, *options: str) -> str:
    """What ``tflited report`` prints; it must end well."""
    command = [sys.executable, "-m", "tflited", "report", path, "--html", str(page), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_set_that_other_hands_changed_is_built_anew(daemon: DaemonProcess) -> None:
    """A file that somebody removed is back with the same bytes, and the job says why."""
    copy_tree(zoo.digits().model, daemon.root / "hurt")
    daemon.wait_for("hurt", "published")
    lost = daemon.output / "models/hurt/float16/hurt.tflite"
    content = lost.read_bytes()
    lost.unlink()
    # Anything that has the model decided on again; without it the next whole scan does.
    daemon.hang_up()

    wait_until(lost.exists, deadline_seconds=60)

    assert lost.read_bytes() == content
    daemon.wait_for("hurt", "published")
    assert [job["state"] for job in daemon.jobs("hurt")] == ["published", "published"]
