"""Sets on file systems that cannot exchange directories: links to generations, replaced as one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bound import NEEDS_BINDFS, bound
from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.manifest import Manifest
from tflited.domain.model import ModelId
from tflited.domain.policy import OutputRules, Policy
from tflited.errors import OutputError
from tflited.output import rename
from tflited.output.tree import OutputTree

READER = Path(__file__).with_name("set_reader.py")


@pytest.fixture(params=["local", pytest.param("fuse", marks=NEEDS_BINDFS)])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """An output tree: on a file system that really lacks the exchange, and on one made to."""
    if request.param == "fuse":
        with bound(tmp_path) as shown:
            yield shown / "output"
    else:
        monkeypatch.setattr(rename, "can_exchange", lambda _: False)
        yield tmp_path / "output"


def opened(root: Path) -> OutputTree:
    return OutputTree(root, reserve_bytes=0)


def publish(
    tree: OutputTree, scratch: Path, job_id: int, path: str = MODEL.path, keep_builds: int = 1
) -> Path:
    """Publishes a set whose bytes are made of the job's number."""
    report = a_left_set(scratch / str(job_id), mark=str(job_id))
    policy = Policy(output=OutputRules(keep_builds=keep_builds))
    key = a_publish_key(str(job_id))
    return tree.publish(a_job(job_id, path), policy, key, report, scratch / str(job_id)).directory


def present(tree: OutputTree) -> Manifest:
    manifest = tree.manifest(MODEL)
    assert manifest is not None
    return manifest


def files(root: Path, folder: str) -> list[str]:
    """The bytes of every artifact below a private folder, by mark."""
    places = sorted((root / ".tflited" / folder).rglob("*.tflite"))
    return [place.read_bytes()[:1].decode() for place in places]


def test_a_place_is_a_link_that_is_replaced(root: Path, tmp_path: Path) -> None:
    """Readers by path find the newest set, the tree finds it, and readiness does not complain."""
    tree = opened(root)
    for job_id in (1, 2, 3):
        place = publish(tree, tmp_path, job_id)
        assert place.is_symlink()
        assert not Path(place.readlink()).is_absolute()
        assert (place / "float32/mobilenet.tflite").read_bytes() == str(job_id).encode() * 64
        assert present(tree).job == job_id
    assert not tree.check_writable()
    assert [manifest.job for manifest in tree.manifests()] == [3]
    assert tree.models(MODEL.root) == [MODEL]
    assert tree.policy_keys(MODEL)
    assert tree.damaged() == []
    assert tree.newest_job() == 3
    home = tree.home(MODEL)
    assert home is not None
    assert home.is_relative_to(root / ".tflited" / "generations")


def test_replaced_generations_are_kept_and_pruned(root: Path, tmp_path: Path) -> None:
    """As many as the policy keeps; the others leave after the grace."""
    tree = opened(root)
    for job_id in (1, 2, 3, 4):
        publish(tree, tmp_path, job_id, keep_builds=3)
    assert files(root, "generations") == ["2", "3", "4"]
    assert files(root, "leaving") == ["1"]


@NEEDS_BINDFS
def test_readers_never_see_a_mixture(tmp_path: Path) -> None:
    """One process reads while links are replaced: every set it opened was one build, complete.

    libfuse answers ENOENT where a link is replaced between its lookup and its reading; a file
    system in the kernel does not. The next open finds the new one.
    """
    with bound(tmp_path) as shown:
        tree = opened(shown / "output")
        place = publish(tree, tmp_path, 1)
        reader = subprocess.Popen(
            [sys.executable, READER, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        for job_id in range(2, 60):
            publish(tree, tmp_path, job_id)
        output, _ = reader.communicate(timeout=60)
    seen = json.loads(output)
    assert (seen["mixed"], seen["incomplete"]) == (0, 0)
    assert seen["whole"] > 20 > seen["absent"]


@pytest.mark.parametrize("archive", [True, False])
def test_a_withdrawn_set_leaves_no_link(root: Path, tmp_path: Path, *, archive: bool) -> None:
    """The folder above it goes, too; the archive has the set where it was asked for."""
    tree = opened(root)
    publish(tree, tmp_path, 1)
    place = publish(tree, tmp_path, 2)
    tree.withdraw(MODEL, archive=archive)
    assert not place.is_symlink()
    assert not place.parent.exists()
    assert files(root, "archive") == (["2"] if archive else [])
    assert tree.manifest(MODEL) is None
    publish(tree, tmp_path, 3)
    assert present(tree).job == 3


@pytest.mark.parametrize(
    "target", ["../../elsewhere", "../../.tflited/generations/models%2Fvision%2Fother/00000001"]
)
def test_no_other_link_is_followed(root: Path, tmp_path: Path, target: str) -> None:
    """A link in the output tree leads to the place's own generations, or nowhere."""
    tree = opened(root)
    other = publish(tree, tmp_path, 1, "vision/other")
    (root / "elsewhere").mkdir()
    for name in ("manifest.json", "report.json"):
        (root / "elsewhere" / name).write_bytes((other / name).read_bytes())
    place = root / str(MODEL)
    place.symlink_to(target)
    assert place.is_dir()
    assert tree.manifest(MODEL) is None
    assert MODEL not in tree.models(MODEL.root)
    with pytest.raises(OutputError, match="exists and is no set of ours"):
        publish(tree, tmp_path, 2)


def test_no_set_lies_inside_a_linked_one(root: Path, tmp_path: Path) -> None:
    """It is told as the set it is."""
    tree = opened(root)
    publish(tree, tmp_path, 1)
    with pytest.raises(OutputError, match="the set of another model"):
        publish(tree, tmp_path, 2, MODEL.path + "/inner")


def test_what_a_cut_publication_left_is_swept(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A generation that no link shows, and a link half made, are gone; the shown one stays."""
    tree = opened(root)
    publish(tree, tmp_path, 1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rename, "link", die)
        for job_id, path in ((2, MODEL.path), (3, "vision/first")):
            with pytest.raises(KeyboardInterrupt):
                publish(tree, tmp_path, job_id, path)
    (root / ".tflited/staging/link.left").symlink_to("nowhere")
    again = opened(root)
    again.sweep()
    assert present(again).job == 1
    assert files(root, "generations") == ["1"]
    assert list((root / ".tflited/staging").iterdir()) == []
    assert publish(again, tmp_path, 4).is_symlink()
    assert present(again).job == 4


def test_a_link_without_its_generation_is_swept(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal that was cut after the set had gone to the archive."""
    tree = opened(root)
    place = publish(tree, tmp_path, 1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rename, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            tree.withdraw(MODEL, archive=True)
    assert place.is_symlink()
    opened(root).sweep()
    assert not place.is_symlink()
    assert files(root, "archive") == ["1"]


def test_a_tree_may_move_between_file_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Directories become links, links become directories, and each replaced set is kept."""
    root = tmp_path / "output"
    publish(opened(root), tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(rename, "can_exchange", lambda _: False)
        tree = opened(root)
        assert publish(tree, tmp_path, 2).is_symlink()
        assert files(root, "generations") == ["1", "2"]
    tree = opened(root)
    place = publish(tree, tmp_path, 3)
    assert not place.is_symlink()
    assert present(tree).job == 3
    tree.sweep()
    assert present(tree).job == 3
    assert ModelId(root=MODEL.root, path=MODEL.path) in tree.models(MODEL.root)
    assert list((root / ".tflited/staging").iterdir()) == []
