"""What a real child leaves in its folder, as another process and, where it can, another user.

``test_intake`` has every kind in one process; here the whole publication meets them.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.samples import MODEL, a_file, a_job, a_left_set, a_publish_key
from tflited.domain.policy import Policy
from tflited.domain.report import BuildReport
from tflited.errors import OutputError
from tflited.output.tree import OutputTree
from waiting import wait_until

CHILD = """
import os, stat, sys
kind, path, secret, user = sys.argv[1:]
if int(user):
    os.setgroups([]); os.setgid(int(user)); os.setuid(int(user))
os.unlink(path)
match kind:
    case "link": os.symlink(secret, path)
    case "chain": os.symlink(secret, path + ".c"); os.symlink(path + ".c", path)
    case "second name": os.link(secret, path)
    case "pipe": os.mkfifo(path)
    case "folder": os.mkdir(path)
    case "device": os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    case "hole": os.close(os.open(path, os.O_CREAT | os.O_WRONLY)); os.truncate(path, 2**40)
"""
NOBODY = 65534
KINDS = ("link", "chain", "second name", "pipe", "folder", "device", "hole")


@pytest.fixture
def tree(tmp_path: Path) -> OutputTree:
    """An output tree with the model's last good set."""
    tree = OutputTree(tmp_path / "output", reserve_bytes=0)
    report = a_left_set(tmp_path / "good")
    tree.publish(a_job(1), Policy(), a_publish_key(), report, tmp_path / "good")
    return tree


def leave(scratch: Path, kind: str, secret: Path) -> BuildReport:
    """Lets a child put something else in its flatbuffer's place; gives its report."""
    report = a_left_set(scratch)
    place = scratch / "set" / "float32" / "mobilenet.tflite"
    user = NOBODY if os.geteuid() == 0 and kind not in {"device", "second name"} else 0
    if user:  # its own folder, as the service gives it one
        for path in (scratch, *scratch.rglob("*")):
            os.chown(path, user, user)
        for path in scratch.parents:
            if Path(tempfile.gettempdir()) in path.parents:
                path.chmod(0o755)
    command = [sys.executable, "-c", CHILD, kind, str(place), str(secret), str(user)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if "PermissionError" in ended.stderr:
        pytest.skip("only root makes devices")
    assert ended.returncode == 0, ended.stderr
    return report


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_told", [True, False])
def test_nothing_but_plain_files_is_published(
    tree: OutputTree, tmp_path: Path, kind: str, *, is_told: bool
) -> None:
    """Not even where the child tells the secret's own size and hash, or the hole's.

    The last good set stays, nothing is left in the staging area, and the next build publishes.
    """
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 64)
    secret.chmod(0o600)
    scratch = tmp_path / "scratch"
    report = leave(scratch, kind, secret)
    if is_told:
        size = 2**40 if kind == "hole" else 64
        told = replace(a_file("float32/mobilenet.tflite", b"s" * 64), size_bytes=size)
        (variant,) = report.variants
        files = tuple(told if file.path == told.path else file for file in variant.files)
        report = replace(report, variants=(replace(variant, files=files),))

    with pytest.raises(OutputError, match=r"mobilenet\.tflite"):
        tree.publish(a_job(2), Policy(), a_publish_key("2"), report, scratch)

    manifest = tree.manifest(MODEL)
    assert manifest is not None
    assert manifest.job == 1
    published = [path.read_bytes() for path in (tmp_path / "output").rglob("*") if path.is_file()]
    assert not any(b"ssss" in content for content in published)
    assert list((tmp_path / "output/.tflited/staging").iterdir()) == []
    again = a_left_set(tmp_path / "again")
    later = tree.publish(a_job(3), Policy(), a_publish_key("3"), again, tmp_path / "again")
    assert later.manifest.job == 3


def test_a_file_that_still_grows_is_refused(tree: OutputTree, tmp_path: Path) -> None:
    """A child that outlived its end cannot change what was hashed."""
    scratch = tmp_path / "scratch"
    report = a_left_set(scratch)
    place = scratch / "set" / "float32" / "mobilenet.tflite"
    code = "import sys\nwith open(sys.argv[1], 'ab', 0) as f:\n while f.write(b'!'): pass"
    writer = subprocess.Popen([sys.executable, "-c", code, place])
    try:
        wait_until(lambda: place.stat().st_size > 10_000, 60, what="a file that grows")
        with pytest.raises(OutputError, match=r"mobilenet\.tflite"):
            tree.publish(a_job(2), Policy(), a_publish_key("2"), report, scratch)
    finally:
        writer.kill()
        writer.wait(60)


def test_what_nobody_listed_is_not_published(tree: OutputTree, tmp_path: Path) -> None:
    """Files beside the set, and in it, stay behind; the manifest lists what is there."""
    scratch = tmp_path / "scratch"
    report = a_left_set(scratch)
    (scratch / "set" / "float32" / "more.tflite").write_bytes(b"more")
    (scratch / "set" / "manifest.json").write_text(json.dumps({"job": 9}))
    directory = tree.publish(a_job(2), Policy(), a_publish_key("2"), report, scratch).directory
    assert not (directory / "float32" / "more.tflite").exists()
    assert json.loads((directory / "manifest.json").read_bytes())["job"] == 2
