"""Models with names that nobody would choose, in the real program."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from daemon_process import DaemonProcess
from tree_copy import copy_tree

NAMES = ("two\nlines", 'it\'s "quoted" {model} *\\', "モデル", "x" * 255, "-rf", "7")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that makes one variant of each."""
    process = DaemonProcess(tmp_path_factory.mktemp("odd"))
    process.main_file.write_text(
        f"{process.main_file.read_text()}\n[daemon]\nsettle_seconds = 0.5\n"
    )
    (process.root / ".tflited.toml").write_text('variants = ["float32"]\n')
    process.start()
    yield process
    process.stop()


def test_odd_names_are_published_in_their_own_places(daemon: DaemonProcess) -> None:
    """The place is the name, files have safe names, each line of the log is one document."""
    for name in NAMES:
        copy_tree(zoo.digits().model, daemon.root / name)
    for name in NAMES:
        daemon.wait_for(name, "published")
        place = daemon.output / "models" / name
        manifest = json.loads((place / "manifest.json").read_text("utf-8"))
        assert manifest["path"] == name
        stem = Path(manifest["variants"][0]["tflite"]).stem
        assert stem.isascii()
        source = (place / "float32" / f"{stem}.c").read_text("ascii")
        assert "const unsigned char g_" in source
    lines = daemon.log.read_text("utf-8").splitlines()
    assert not [line for line in lines if line.startswith("lines")], "a name broke a line in two"
    told = {entry.get("model") for entry in daemon.events()}
    assert told >= {f"models/{name}" for name in NAMES}


def test_names_no_set_can_have_are_refused_by_name(daemon: DaemonProcess) -> None:
    """Not UTF-8, or too deep for the output tree: told with the name, and others are built."""
    bad = os.fsdecode(b"caf\xe9")
    copy_tree(zoo.digits().model, daemon.root / bad)
    deep = daemon.root
    while len(os.fsencode(deep)) < 3880:
        deep /= "d" * min(250, 3890 - len(os.fsencode(deep)))
        deep.mkdir()
    copy_tree(zoo.digits().model, deep / "net")
    copy_tree(zoo.digits().model, daemon.root / "fine")
    daemon.wait_for("fine", "published")
    for path in (bad, str((deep / "net").relative_to(daemon.root))):
        daemon.wait_for(path, "refused")
        answer = daemon.why(path)
        assert "cannot be a place in the output tree" in answer["summary"]
        assert answer["hint"]
