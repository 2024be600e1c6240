"""Published sets against their manifests: what is told of every kind of damage."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.policy import Policy
from tflited.output import rename
from tflited.output import verify as module
from tflited.output.tree import OutputTree
from tflited.output.verify import Fault, verify

TFLITE = "float32/mobilenet.tflite"


def publish(root: Path, job_id: int = 1, path: str = MODEL.path) -> Path:
    scratch = root.with_name(f"scratch{job_id}")
    report = a_left_set(scratch, mark=str(job_id))
    tree = OutputTree(root, reserve_bytes=0)
    job = a_job(job_id, path)
    return tree.publish(job, Policy(), a_publish_key(str(job_id)), report, scratch).directory


@pytest.fixture(params=["exchange", "links"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An output tree of either kind."""
    if request.param == "links":
        monkeypatch.setattr(rename, "can_exchange", lambda _: False)
    return tmp_path / "output"


def faults(top: Path) -> list[tuple[str, str, str]]:
    """Place, file and fault of everything that is told."""
    found = verify(top).findings
    return [(entry.place, entry.file, entry.fault.value) for entry in found]


def test_a_whole_tree_is_as_listed(root: Path) -> None:
    """From the root, from a part, as one set, and after replacements."""
    publish(root, 1)
    place = publish(root, 2)
    publish(root, 3, "other")
    found = verify(root)
    assert (found.sets, found.findings) == (2, [])
    assert found.files == 8
    assert found.size_bytes > 0
    assert verify(root / "models" / "vision").sets == 1
    assert verify(place).sets == 1


def change(manifest: Path, /, **keys: Any) -> None:
    """Writes other values into a manifest."""
    document = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps(document | keys))


def listed_twice_removed(manifest: Path) -> None:
    files = json.loads(manifest.read_bytes())["files"]
    change(manifest, files=[file for file in files if file["path"] != TFLITE])


DAMAGES: list[tuple[Callable[[Path], object], str, Fault]] = [
    (lambda place: (place / TFLITE).unlink(), TFLITE, Fault.MISSING),
    (lambda place: shutil.rmtree(place / "float32"), TFLITE, Fault.MISSING),
    (lambda place: (place / TFLITE).write_bytes(b"x"), TFLITE, Fault.SIZE),
    (lambda place: (place / TFLITE).write_bytes(b"x" * 64), TFLITE, Fault.CONTENT),
    (lambda place: (place / "report.json").unlink(), "report.json", Fault.MISSING),
    (lambda place: (place / "float32/new.h").write_text(""), "float32/new.h", Fault.EXTRA),
    (lambda place: (place / "new").mkdir(), "new", Fault.EXTRA),
    (lambda place: (place / "link").symlink_to("report.json"), "link", Fault.EXTRA),
    (lambda place: os.mkfifo(place / "pipe"), "pipe", Fault.EXTRA),
    (lambda place: swap(place / TFLITE, "link"), TFLITE, Fault.TYPE),
    (lambda place: swap(place / TFLITE, "pipe"), TFLITE, Fault.TYPE),
    (lambda place: swap(place / TFLITE, "folder"), TFLITE, Fault.TYPE),
    (lambda place: (place.parent / "twice").hardlink_to(place / TFLITE), TFLITE, Fault.TYPE),
    (lambda place: swap(place / "float32", "link"), TFLITE, Fault.TYPE),
    (lambda place: (place / "manifest.json").write_text("{"), "manifest.json", Fault.MANIFEST),
    (lambda place: (place / "manifest.json").unlink(), "manifest.json", Fault.MANIFEST),
    (lambda place: change(place / "manifest.json", version=2), "manifest.json", Fault.MANIFEST),
    (lambda place: change(place / "manifest.json", extra=1), "manifest.json", Fault.MANIFEST),
    (lambda place: change(place / "manifest.json", path="else"), "", Fault.PLACE),
    (lambda place: listed_twice_removed(place / "manifest.json"), TFLITE, Fault.EXTRA),
]


def swap(path: Path, kind: str) -> None:
    """Puts a thing of another kind, with the same content behind it, in a file's place."""
    kept = path.rename(path.parents[2] / "kept")
    match kind:
        case "link":
            path.symlink_to(kept)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()


@pytest.mark.parametrize(("damage", "file", "fault"), DAMAGES)
def test_every_damage_is_told(
    root: Path, damage: Callable[[Path], object], file: str, fault: Fault
) -> None:
    """By the place and the file; the set beside it stays as listed."""
    place = publish(root)
    publish(root, 2, "other")
    damage(place)
    assert (f"models/{MODEL.path}", file, fault.value) in faults(root)
    assert all(told[0] != "models/other" for told in faults(root))


def test_a_manifest_cannot_lead_outside(root: Path) -> None:
    """A listed path with ``..`` is a fault, and is not opened."""
    place = publish(root)
    document = json.loads((place / "manifest.json").read_bytes())
    document["files"][0]["path"] = "../../secret"
    (place / "manifest.json").write_text(json.dumps(document))
    assert (f"models/{MODEL.path}", "../../secret", "manifest") in faults(root)


def test_what_belongs_to_no_set_is_told(root: Path) -> None:
    """Artifacts without a manifest, and links that are not ours; a README is nobody's business."""
    publish(root)
    (root / "models/stray.tflite").write_bytes(b"")
    (root / "models/README").write_text("")
    (root / "models/away").symlink_to("/")
    told = faults(root)
    assert ("", "models/stray.tflite", "extra") in told
    assert ("models/away", "", "type") in told
    assert len(told) == 2


def test_a_set_that_is_replaced_meanwhile_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its old files may be gone; that is no fault of the new ones."""
    place = publish(root)
    look, looks = module._SetCheck._look, list[int]()

    def replaced(check: Any, folder: int) -> None:
        if not looks:
            (place / TFLITE).unlink()
            publish(root, 2)
        looks.append(folder)
        look(check, folder)

    monkeypatch.setattr(module._SetCheck, "_look", replaced)
    assert faults(root) == []
    assert len(looks) == 2


def test_a_set_that_is_withdrawn_meanwhile_is_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither counted nor told."""
    publish(root)
    look = module._SetCheck._look

    def withdrawn(check: Any, folder: int) -> None:
        OutputTree(root).withdraw(MODEL, archive=False)
        look(check, folder)

    monkeypatch.setattr(module._SetCheck, "_look", withdrawn)
    found = verify(root)
    assert (found.sets, found.findings) == (0, [])


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    """As is a file."""
    with pytest.raises(OSError, match="missing"):
        verify(tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        verify(tmp_path / "file")
