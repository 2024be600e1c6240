"""What readers find when a publication dies without a word, at any of its steps."""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.manifest import Manifest
from tflited.domain.policy import Policy
from tflited.output import rename
from tflited.output.tree import OutputTree

PUBLISHER = Path(__file__).with_name("dying_publisher.py")


@pytest.fixture(params=["exchange", "links"])
def trees(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """One tree for each step at which a publisher was killed."""
    if request.param == "links":
        monkeypatch.setattr(rename, "can_exchange", lambda _: False)
    ended = subprocess.run(
        [sys.executable, PUBLISHER, tmp_path, request.param],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = [line for line in ended.stdout.splitlines() if line.startswith(str(tmp_path))]
    lines = [line.rsplit(" ", 1) for line in told]
    assert {code for _, code in lines} == {str(-signal.SIGKILL), "0"}
    return [Path(tree) for tree, _ in lines]


def complete(tree: OutputTree) -> Manifest:
    """The manifest of a set that is whole: all of its files, all of their bytes, no other."""
    manifest = tree.manifest(MODEL)
    assert manifest is not None
    directory = tree.directory(MODEL)
    present = {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}
    assert present == {Path(file.path) for file in manifest.files} | {Path("manifest.json")}
    for file in manifest.files:
        digest = hashlib.sha256((directory / file.path).read_bytes()).hexdigest()
        assert digest == file.sha256
    return manifest


def go_on(place: Path) -> int:
    """What the next start does: sweeps, and runs the job again; gives the job it found."""
    tree = OutputTree(place / "output", reserve_bytes=0)
    found = complete(tree).job
    tree.sweep()
    assert complete(tree).job == found
    private = place / "output" / ".tflited"
    assert list((private / "staging").iterdir()) == []
    home = tree.home(MODEL)
    assert home is not None
    kept = [
        path.read_text()
        for folder in ("previous", "generations")
        for path in (private / folder).rglob("manifest.json")
        if path.parent != home
    ]
    assert any(f'"job": {found - 1}' in text for text in kept)
    assert not any('"job": 3' in text for text in kept)
    report = a_left_set(place / "again", mark="3")
    tree.publish(a_job(3), Policy(), a_publish_key("3"), report, place / "again")
    assert complete(tree).job == 3
    return found


def test_a_killed_publication_leaves_the_old_set_or_the_new_one(trees: list[Path]) -> None:
    """Killed before or after any sync, rename or removal: never a mixture, never nothing.

    The next start leaves no litter, keeps the replaced set, and the same job can publish again.
    """
    found = [go_on(place) for place in trees]
    assert len(found) > 30
    assert set(found) == {2, 3}
    assert set(found) == {2, 3}
