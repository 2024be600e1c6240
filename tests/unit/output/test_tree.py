"""The output tree: what publication leaves on disk, what it refuses, what it keeps."""

import errno
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.manifest import Manifest
from tflited.domain.model import ModelId
from tflited.domain.policy import OutputRules, Policy, Variant
from tflited.domain.ports import Published
from tflited.domain.report import VariantState
from tflited.errors import OutputError, StorageFailedError, StoragePausedError
from tflited.output import rename
from tflited.output.tree import OutputTree


class Bench:
    """An output tree and a child that leaves sets for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "output"
        self.tree = OutputTree(self.root, reserve_bytes=0)

    def publish(
        self, job_id: int = 1, path: str = MODEL.path, keep_builds: int = 3, **changes: Any
    ) -> Published:
        """Publishes a float32 set whose bytes are made of the job's number."""
        scratch = self.folder / "scratch" / f"{job_id}-{threading.get_ident()}"
        report = a_left_set(scratch, mark=str(job_id))
        policy = Policy(output=OutputRules(keep_builds=keep_builds))
        job = a_job(job_id, path, **changes)
        return self.tree.publish(job, policy, a_publish_key(str(job_id)), report, scratch)

    def present(self) -> Manifest:
        """The manifest that readers see."""
        manifest = self.tree.manifest(MODEL)
        assert manifest is not None
        return manifest

    def kept(self, shelf: str = "previous") -> list[int]:
        """The job ids of kept sets, oldest first."""
        folder = self.root / ".tflited" / shelf
        places = sorted(folder.rglob("manifest.json"))
        return [int(_job(place)) for place in places]

    @property
    def staged(self) -> list[str]:
        """What is in the staging area."""
        return [path.name for path in (self.root / ".tflited" / "staging").iterdir()]


def _job(manifest: Path) -> str:
    line = next(line for line in manifest.read_text().splitlines() if '"job":' in line)
    return line.strip(' ",').removeprefix('job": ')


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_set_holds_what_was_left_and_two_records(bench: Bench) -> None:
    """Nothing is missing and nothing is added."""
    directory = bench.publish().directory
    assert directory == bench.root / "models" / "vision" / "mobilenet"
    found = sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))
    assert found == [
        "float32",
        "float32/mobilenet.c",
        "float32/mobilenet.h",
        "float32/mobilenet.tflite",
        "manifest.json",
        "report.json",
    ]


def test_everybody_may_read_a_set(bench: Bench) -> None:
    """Folders are 0755 and files 0644, however tight the daemon's umask is."""
    before = os.umask(0o077)
    try:
        directory = bench.publish().directory
    finally:
        os.umask(before)
    for path in [directory, *directory.rglob("*"), *directory.parents[:3]]:
        expected = 0o755 if path.is_dir() else 0o644
        assert path.stat().st_mode & 0o777 == expected, path


def test_nothing_is_left_in_the_staging_area(bench: Bench) -> None:
    """First publications and replacements clean up after themselves."""
    bench.publish(1)
    bench.publish(2)
    assert bench.staged == []


def test_a_replaced_set_is_kept_whole(bench: Bench) -> None:
    """A reader that has it open, and an operator who wants it back, find it complete."""
    directory = bench.publish(1).directory
    reader = os.open(directory, os.O_RDONLY)
    try:
        bench.publish(2)
        opened = os.open("float32/mobilenet.tflite", os.O_RDONLY, dir_fd=reader)
        with os.fdopen(opened, "rb") as stream:
            assert stream.read() == b"1" * 64
    finally:
        os.close(reader)
    assert bench.kept() == [1]


@pytest.mark.parametrize(
    ("keep_builds", "expected"), [(1, [4]), (2, [4]), (3, [3, 4]), (9, [1, 2, 3, 4])]
)
def test_previous_sets_are_pruned(bench: Bench, keep_builds: int, expected: list[int]) -> None:
    """``keep_builds`` counts the present set; the newest replaced one stays in any case."""
    for job_id in range(1, 6):
        bench.publish(job_id, keep_builds=keep_builds)
    assert bench.kept() == expected
    assert bench.present().job == 5


def test_rows_count_on_after_pruning(bench: Bench) -> None:
    """A number is never used twice while its neighbours stand."""
    for job_id in range(1, 12):
        bench.publish(job_id, keep_builds=2)
    (row,) = (bench.root / ".tflited" / "previous").iterdir()
    assert [path.name for path in row.iterdir()] == ["00000010"]


def test_the_newest_job_counts_wherever_its_set_is(bench: Bench) -> None:
    """Present, previous or archived: no later job may bear its number."""
    assert bench.tree.newest_job() == 0
    bench.publish(7)
    bench.publish(3)
    assert bench.tree.newest_job() == 7
    bench.tree.withdraw(MODEL, archive=True)
    assert (bench.kept(), bench.kept("archive")) == ([7], [3])
    bench.publish(9, "other")
    bench.tree.withdraw(ModelId(root=MODEL.root, path="other"), archive=True)
    assert bench.tree.newest_job() == 9


def test_a_damaged_set_is_listed_and_healed(bench: Bench) -> None:
    """An unreadable manifest is none; the next build replaces the set and keeps the old one."""
    directory = bench.publish(1).directory
    (directory / "manifest.json").write_text("{")
    assert bench.tree.manifest(MODEL) is None
    assert bench.tree.manifests() == []
    assert bench.tree.damaged() == [directory]
    bench.publish(2)
    assert bench.present().job == 2
    assert bench.tree.damaged() == []
    assert len(list((bench.root / ".tflited" / "previous").rglob("report.json"))) == 1


def test_a_lying_child_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    """The last good set stays, and the stage is removed."""
    bench.publish(1)
    report = a_left_set(tmp_path / "s", mark="2")
    (tmp_path / "s" / "set" / "float32" / "mobilenet.c").write_text("/* x */\n")
    with pytest.raises(OutputError, match="SHA-256"):
        bench.tree.publish(a_job(2), Policy(), a_publish_key(), report, tmp_path / "s")
    assert bench.present().job == 1
    assert bench.staged == []


def test_rejected_files_stay_behind(bench: Bench, tmp_path: Path) -> None:
    """Their folder is not in the set, though the child left it."""
    variants = {
        Variant.FLOAT32: VariantState.PROVEN,
        Variant.INT8: VariantState.REJECTED,
        Variant.FLOAT16: VariantState.UNVERIFIED,
    }
    report = a_left_set(tmp_path / "s", variants=variants)
    place = bench.tree.publish(a_job(), Policy(), a_publish_key(), report, tmp_path / "s")
    folders = {path.name for path in place.directory.iterdir() if path.is_dir()}
    assert folders == {"float32", "float16"}


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StoragePausedError),
        (errno.EDQUOT, StoragePausedError),
        (errno.EROFS, StoragePausedError),
        (errno.EIO, StorageFailedError),
        (errno.EACCES, OutputError),
    ],
)
def test_a_failed_sync_has_the_class_the_engine_acts_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    """Full pauses, broken restarts, anything else fails the build; the old set stays."""
    bench.publish(1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(number))
        with pytest.raises(expected):
            bench.publish(2)
    assert bench.present().job == 1
    bench.publish(3)
    assert bench.present().job == 3


def test_a_stage_on_a_broken_device_is_left_to_the_sweep(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After EIO nothing is tidied up; the next start does it."""
    bench.tree.sweep()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(errno.EIO))
        with pytest.raises(StorageFailedError):
            bench.publish(1)
    assert len(bench.staged) == 1
    bench.tree.sweep()
    assert bench.staged == []


@pytest.mark.parametrize("number", sorted(rename.UNSUPPORTED | {errno.EXDEV}))
def test_a_file_system_that_cannot_swap_is_explained(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The message says what is missing and where to put the tree instead."""
    monkeypatch.setattr(rename, "place", failing(number))
    with pytest.raises(OutputError, match="file system") as caught:
        bench.publish(1)
    assert caught.value.hint
    assert bench.staged == []


def test_trouble_with_the_old_set_does_not_undo_the_new_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the new set is in place, keeping the old one is a courtesy."""
    bench.publish(1)
    with monkeypatch.context() as patch:
        patch.setattr(rename, "move", failing(errno.ENOSPC))
        bench.publish(2)
    assert bench.present().job == 2
    assert len(bench.staged) == 1
    bench.tree.sweep()
    assert (bench.staged, bench.kept()) == ([], [1])


def test_a_sync_that_fails_after_the_swap_keeps_the_old_set(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands at the stage then is the old set, not a leftover."""
    bench.publish(1)
    place = rename.place

    def placed_but_not_synced(new: Path, target: Path) -> bool:
        place(new, target)
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(rename, "place", placed_but_not_synced)
        with pytest.raises(StoragePausedError):
            bench.publish(2)
    assert (bench.kept(), bench.staged) == ([1], [])


def test_a_sweep_removes_leftovers(bench: Bench) -> None:
    """Half a stage, a stray file and a full bin: all gone at the next start."""
    bench.publish(1)
    staging = bench.root / ".tflited" / "staging"
    (staging / "7.half" / "float32").mkdir(parents=True)
    (staging / "7.half" / "float32" / "m.tflite").touch()
    (staging / "gone.x" / "set").mkdir(parents=True)
    bench.tree.sweep()
    assert bench.staged == []
    assert bench.present().job == 1


def test_a_complete_stage_that_was_never_placed_is_removed(bench: Bench) -> None:
    """Its own job runs again; it is no previous set."""
    directory = bench.publish(7).directory
    directory.rename(bench.root / ".tflited" / "staging" / "7.abc")
    bench.tree.sweep()
    assert (bench.staged, bench.kept()) == ([], [])


def test_an_archived_set_is_out_of_the_way_and_whole(bench: Bench) -> None:
    """Archived sets of one place stand in a row; empty folders are removed."""
    for job_id in (1, 2):
        bench.publish(job_id)
        bench.tree.withdraw(MODEL, archive=True)
    assert bench.kept("archive") == [1, 2]
    assert not (bench.root / "models").exists()


def test_a_removed_set_takes_its_previous_builds_along(bench: Bench) -> None:
    """Removed means removed; another model's builds stay."""
    for path in ("a", "b"):
        bench.publish(1, path)
        bench.publish(2, path)
    bench.tree.withdraw(ModelId(root="models", path="a"), archive=False)
    assert [manifest.path for manifest in bench.tree.manifests()] == ["b"]
    assert bench.kept() == [1]
    assert bench.staged == []


def test_a_strangers_folder_is_not_withdrawn(bench: Bench) -> None:
    """A place without a set of this model is not touched."""
    stranger = bench.root / "models" / "vision" / "mobilenet"
    stranger.mkdir(parents=True)
    (stranger / "notes.txt").touch()
    bench.tree.withdraw(MODEL, archive=False)
    assert (stranger / "notes.txt").exists()


def test_a_set_of_another_model_is_not_withdrawn(bench: Bench) -> None:
    """A trigger may have saved it here by name."""
    bench.publish(1, "other", save_to=str(MODEL))
    bench.tree.withdraw(MODEL, archive=False)
    assert [manifest.path for manifest in bench.tree.manifests()] == ["other"]


def test_threads_publish_at_once(bench: Bench) -> None:
    """Several models, and one place that only one of them gets."""
    outcomes: list[str] = []

    def publish(number: int) -> None:
        bench.publish(number, f"m{number}")
        try:
            bench.publish(number, f"m{number}", save_to="one/place")
            outcomes.append("placed")
        except OutputError:
            outcomes.append("refused")

    threads = [
        threading.Thread(target=publish, args=(number,), name=f"publish-{number}")
        for number in range(1, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["placed", "refused", "refused", "refused"]
    assert len(bench.tree.manifests()) == 5


def test_a_fresh_tree_is_made_on_the_first_look(bench: Bench) -> None:
    """Readiness does not wait for the first publication."""
    bench.tree.sweep()
    assert not bench.tree.check_writable()
    assert bench.staged == []


def test_a_missing_tree_is_not_writable(bench: Bench) -> None:
    """The reason names the folder."""
    assert str(bench.root) in bench.tree.check_writable()


def test_a_nearly_full_tree_is_not_writable(bench: Bench) -> None:
    """The reserve is kept free, and the reason says how much there is."""
    bench.tree.sweep()
    reason = OutputTree(bench.root, reserve_bytes=2**62).check_writable()
    assert "is full" in reason
    assert str(2**62) in reason


def test_everything_is_synced_before_it_is_seen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, their folders, the manifest last of the files; the swap; then both parents."""
    bench.publish(1)
    steps: list[str] = []
    fsync, renameat2 = os.fsync, rename._renameat2

    def synced(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(bench.root)
        steps.append(re.sub(r"/2\.[^/]+", "/STAGE", str(path)))
        fsync(descriptor)

    def renamed(old: Path, new: Path, flags: int) -> None:
        renameat2(old, new, flags)
        steps.append("renamed")

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(rename, "_renameat2", renamed)
    bench.publish(2)
    stage = ".tflited/staging/STAGE"
    row = ".tflited/previous/models%2Fvision%2Fmobilenet"
    assert steps == [
        f"{stage}/float32/mobilenet.tflite",
        f"{stage}/float32/mobilenet.c",
        f"{stage}/float32/mobilenet.h",
        f"{stage}/float32",
        f"{stage}/report.json",
        f"{stage}/manifest.json",
        stage,
        ".tflited/staging",
        "renamed",
        "models/vision",
        ".tflited/staging",
        ".tflited/previous",
        "renamed",
        row,
        ".tflited/staging",
    ]


def test_new_folders_above_a_set_are_synced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first set does not vanish with the folder it was put in."""
    bench.tree.sweep()
    synced: list[str] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    bench.publish(1)
    above = [str(bench.root), f"{bench.root}/models", f"{bench.root}/models/vision"]
    assert [path for path in synced if path in above] == above


class Answer:
    """What statvfs says of a read-only file system."""

    f_flag = os.ST_RDONLY
    f_bavail = f_frsize = 2**20


def test_a_read_only_tree_is_not_writable(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen without writing anything."""
    bench.tree.sweep()
    monkeypatch.setattr(os, "statvfs", lambda _: Answer())
    assert "read-only" in bench.tree.check_writable()


def test_a_tree_of_somebody_else_is_not_writable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names the user that lacks the permission."""
    bench.tree.sweep()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert f"user {os.geteuid()}" in bench.tree.check_writable()


def test_a_tree_that_cannot_swap_is_not_writable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better told at the start than at the second publication."""
    bench.tree.sweep()
    monkeypatch.setattr(rename, "can_exchange", lambda _: False)
    monkeypatch.setattr(rename, "can_link", lambda _: False)
    assert "RENAME_EXCHANGE" in bench.tree.check_writable()
    monkeypatch.undo()
    assert not bench.tree.check_writable()


def test_records_are_read_together_and_through_no_link(bench: Bench, tmp_path: Path) -> None:
    """Both of one set; a place that somebody made a link shows none."""
    published = bench.publish(1)
    found = bench.tree.records(MODEL)
    assert found is not None
    assert found.manifest == published.manifest
    assert found.report.build_key == published.manifest.build_key

    place = published.directory
    aside = tmp_path / "aside"
    place.rename(aside)
    assert bench.tree.records(MODEL) is None
    place.symlink_to(aside)
    assert bench.tree.records(MODEL) is None
