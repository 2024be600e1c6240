"""A variant that kills its child, as TensorFlow's calibrator does on some recurrent models."""

import json
import shutil

import numpy as np

import zoo
from daemon_process import DaemonProcess

POLICY = """\
variants = ["float32", "int8_float_fallback", "dynamic_range"]
[calibration]
data = "steps.npz"
"""


def test_a_crash_costs_its_variant_and_no_other(daemon: DaemonProcess) -> None:
    """The set is published without it, with the reason, by one attempt of one job."""
    folder = daemon.root / "recurrent"
    folder.mkdir()
    steps = np.random.default_rng(0).standard_normal((20, 12, 4)).astype(np.float32)
    np.savez(folder / "steps.npz", x=steps)
    (folder / ".tflited.toml").write_text(POLICY)
    shutil.copyfile(zoo.small("lstm.keras"), folder / "lstm.keras")
    daemon.wait_for("recurrent/lstm.keras", "published")
    manifest = json.loads((daemon.output / "models/recurrent/lstm.keras/manifest.json").read_text())
    variants = {entry["variant"]: entry for entry in manifest["variants"]}
    assert variants["float32"]["state"] == "proven"
    assert variants["int8_float_fallback"]["state"] == "rejected"
    assert "ended the process" in variants["int8_float_fallback"]["reason"]
    (job,) = daemon.jobs("recurrent/lstm.keras")
    assert (job["state"], job["attempts"], job["deaths"]) == ("published", 1, 0)
    assert "variant_given_up" in daemon.log.read_text()
