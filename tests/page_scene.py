"""A daemon with real conversions of every outcome behind it: what the pages are looked at with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zoo
from daemon_process import DaemonProcess
from model_trees import saved_model, write
from tree_copy import copy_tree

MAIN_FILE = """\
[daemon]
settle_seconds = 1.0
workers = 1

[http]
listen = "127.0.0.1:0"

[log]
format = "json"

[[root]]
name = "models"
path = "models"
"""
MEASURED = """\
variants = ["float32", "dynamic_range", "float16", "int8"]
[calibration]
data = "data/calibration.npz"
[evaluation]
data = "data/evaluation.npz"
metric = "top1"
max_drop = 0.01
[profile]
enabled = true
runs = 20
"""
CHOSEN = """\
variants = ["float32", "auto"]
[calibration]
data = "data/calibration.npz"
[evaluation]
data = "data/evaluation.npz"
metric = "top1"
max_drop = 0.01
"""
STRICT = """\
variants = ["int8"]
"""
TOO_MUCH_ROOM = """\
variants = ["float32", "dynamic_range", "int8"]
[calibration]
data = "data/calibration.npz"
[evaluation]
min_snr_db = 45
"""
PUBLISHED = ("vision/digits", "wide/channels", "medical/tumours.keras", "strictly/digits.keras")
REFUSED = ("incoming/torn", "incoming/notes.keras")


@contextmanager
def scene(folder: Path) -> Iterator[DaemonProcess]:
    """A daemon that published four models, refused two, failed with one, and holds one back."""
    daemon = DaemonProcess(folder)
    daemon.main_file.write_text(MAIN_FILE)
    fill(daemon.root)
    daemon.start()
    try:
        for path in PUBLISHED:
            daemon.wait_for(path, "published", deadline_seconds=300)
        for path in REFUSED:
            daemon.wait_for(path, "refused")
        daemon.wait_for("medical/strict/tumours.keras", "failed")
        yield daemon
    finally:
        daemon.stop()


def fill(root: Path) -> None:
    """Puts models, data and policies into a root."""
    digits, wide, tumours = zoo.digits(), zoo.wide(), zoo.tumours()
    for name, policy, trained in (
        ("vision", MEASURED, digits),
        ("wide", CHOSEN, wide),
        ("strictly", TOO_MUCH_ROOM, digits),
    ):
        write(root / name / "data" / "calibration.npz", trained.calibration.read_bytes())
        write(root / name / "data" / "evaluation.npz", trained.evaluation.read_bytes())
        write(root / name / ".tflited.toml", policy.encode())
    copy_tree(digits.model, root / "vision" / "digits")
    copy_tree(wide.model, root / "wide" / "channels")
    write(root / "strictly" / "digits.keras", zoo.digits("keras").model.read_bytes())
    write(root / "medical" / "tumours.keras", tumours.model.read_bytes())
    write(root / "medical" / "strict" / ".tflited.toml", STRICT.encode())
    write(root / "medical" / "strict" / "tumours.keras", tumours.model.read_bytes())
    write(root / "incoming" / "notes.keras", b"no model")
    saved_model(root / "incoming" / "torn", data_bytes=10)
    saved_model(root / "incoming" / "paused")
    write(root / "incoming" / "paused" / ".hold", b"")
    write(root / "typo" / ".tflited.toml", b'variant = ["int8"]\n')
    write(root / "typo" / "net.keras", tumours.model.read_bytes())
