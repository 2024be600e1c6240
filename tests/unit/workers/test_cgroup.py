"""Groups for children, on a folder of plain files: no machine at hand delegates cgroups."""

from pathlib import Path

import pytest

from tflited.workers.cgroup import Cgroup, caged, delegated

PID = 77


@pytest.fixture
def above(tmp_path: Path) -> Path:
    """What systemd delegates, with the daemon's own leaf and the files of one child's group."""
    folder = tmp_path / "cgroup" / "system.slice" / "tflited.service"
    (folder / "supervisor").mkdir(parents=True)
    for name, text in {
        "cgroup.controllers": "cpu memory pids",
        "cgroup.subtree_control": "",
        "cgroup.procs": "",
    }.items():
        (folder / name).write_text(text)
    group = folder / f"attempt-{PID}"
    group.mkdir()
    for name in ("memory.max", "memory.oom.group", "cgroup.procs"):
        (group / name).touch()
    (tmp_path / "own").write_text("1:name=systemd:/\n0::/system.slice/tflited.service/supervisor\n")
    return folder


def found(tmp_path: Path) -> Path | None:
    return delegated(mount=tmp_path / "cgroup", own=tmp_path / "own")


def test_a_delegated_tree_is_found_and_switched_on(tmp_path: Path, above: Path) -> None:
    """The memory controller is asked for, once."""
    assert found(tmp_path) == above
    assert (above / "cgroup.subtree_control").read_text() == "+memory"


@pytest.mark.parametrize("own", ["0::/\n", "0::/../../x/y\n", "4:memory:/\n", ""])
def test_other_places_are_no_delegated_tree(tmp_path: Path, above: Path, own: str) -> None:
    """The root group, a group outside the namespace, and version 1."""
    (tmp_path / "own").write_text(own)
    assert found(tmp_path) is None


def test_without_the_controller_there_is_none(tmp_path: Path, above: Path) -> None:
    """As on a hybrid hierarchy, where version 1 has it."""
    (above / "cgroup.controllers").write_text("hugetlb")
    assert found(tmp_path) is None


def test_a_child_is_put_into_its_group(above: Path) -> None:
    """Its limit stands before it enters; a missing swap file is no fault."""
    made = caged(above, PID, 1000)
    assert made == Cgroup(above / f"attempt-{PID}")
    assert (made.folder / "memory.max").read_text() == "1000"
    assert (made.folder / "memory.oom.group").read_text() == "1"
    assert (made.folder / "cgroup.procs").read_text() == str(PID)


def test_no_limit_or_no_tree_makes_no_group(above: Path) -> None:
    """The poll stands alone."""
    assert caged(above, PID, 0) is None
    assert caged(None, PID, 1000) is None


def test_a_kernel_that_refuses_leaves_nothing(above: Path) -> None:
    """Here the files of a group are missing; the attempt goes on without one."""
    assert caged(above, 78, 1000) is None
    assert not (above / "attempt-78").exists()


@pytest.mark.parametrize(("events", "expected"), [("oom_kill 0", False), ("oom_kill 1", True)])
def test_the_groups_own_end_is_told(above: Path, events: str, *, expected: bool) -> None:
    """SIGKILL alone does not say who sent it."""
    made = Cgroup(above / f"attempt-{PID}")
    assert not made.has_killed
    (made.folder / "memory.events").write_text(f"low 0\nmax 3\n{events}\n")
    assert made.has_killed is expected
