"""Models dropped into a root of the real program are built once and proven."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Event

import zoo
from daemon_process import DaemonProcess
from tree_copy import copy_files, copy_tree

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
