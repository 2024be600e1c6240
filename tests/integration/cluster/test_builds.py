"""Real models through the real daemon on real workers, with folders of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zoo
from clusters import Cluster, main_file, running_cluster
from daemon_process import BUILD_SECONDS, MAIN_FILE, DaemonProcess
from tree_copy import copy_tree
from waiting import wait_until

WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and one worker that converts."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), ["one"]) as made:
        yield made


@pytest.fixture(scope="module")
def daemon(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that converts nothing itself."""
    made = DaemonProcess(tmp_path_factory.mktemp("daemon"))
    made.main_file.write_text(MAIN_FILE + main_file(cluster))
    made.start()
    try:
        yield made
    finally:
        made.stop()


def files_of(tree: Path) -> dict[str, bytes]:
    """The artifacts below a model's place in the output, by path."""
    kinds = {".tflite", ".c", ".h"}
    found = [path for path in tree.rglob("*") if path.suffix in kinds and path.is_file()]
    return {str(path.relative_to(tree)): path.read_bytes() for path in found}


def check_of(daemon: DaemonProcess, name: str) -> dict[str, Any] | None:
    """One line of ``/readyz?verbose``."""
    checks = daemon.get("status")["checks"]
    found: list[dict[str, Any]] = [check for check in checks if check["name"] == name]
    return found[0] if found else None


def test_artifacts_are_those_of_the_local_executor(daemon: DaemonProcess, tmp_path: Path) -> None:
    """Byte by byte: where a model is built is no part of its build key."""
    trained, root = zoo.digits(), daemon.root / "compared"
    (root / "data").mkdir(parents=True)
    shutil.copy(trained.calibration, root / "data")
    policy = 'variants = ["float32", "dynamic_range", "int8"]\n[calibration]\ndata = "data/*"\n'
    (root / ".tflited.toml").write_text(policy)
    copy_tree(trained.model, root / "digits")
    local = DaemonProcess(tmp_path)
    local.main_file.write_text(MAIN_FILE.replace('path = "models"', f'path = "{daemon.root}"'))
    local.start()
    try:
        wait_until(
            (local.output / "models/compared/digits/manifest.json").exists,
            BUILD_SECONDS,
            what="the local set",
        )
    finally:
        local.stop()
    daemon.wait_for("compared/digits", "published")
    here = files_of(local.output / "models" / "compared")
    assert len(here) == 9
    assert files_of(daemon.output / "models" / "compared") == here


def test_the_worker_keeps_nothing_but_its_cache(cluster: Cluster, daemon: DaemonProcess) -> None:
    """An attempt's folder goes with it, on either side."""
    copy_tree(zoo.digits().model, daemon.root / "once")
    daemon.wait_for("once", "published")
    own = cluster.workers[0].folder / "own"
    assert list((own / "attempts").iterdir()) == []
    assert any(path.is_file() for path in (own / "cache").rglob("*"))
    assert list((daemon.state / "scratch" / "delivered").iterdir()) == []


def test_a_refused_model_fails_with_its_reason(daemon: DaemonProcess) -> None:
    """The child's word comes through as from a child on this machine."""
    copy_tree(zoo.digits().model, daemon.root / "hard")
    (daemon.root / "hard" / ".tflited.toml").write_text('signatures = ["nothing"]\n')
    daemon.wait_for("hard", "failed")
    (job,) = [job for job in daemon.jobs("hard") if job["state"] == "failed"]
    assert job["failure"]["code"] == "signatures"


def test_a_worker_with_another_toolchain_is_refused(
    cluster: Cluster, daemon: DaemonProcess
) -> None:
    """Its artifacts would be others; status and log say which version is whose."""
    other = cluster.add_worker(
        "other", program=(str(Path(__file__).parents[2] / "fakes" / "older_worker.py"),)
    )
    try:
        wait_until(lambda: check_of(daemon, "workers"), WAIT_SECONDS, what="a refusal")
        check = check_of(daemon, "workers")
        assert check is not None
        assert "other: numpy 1.0 instead of" in check["reason"]
        assert "worker_refused" in daemon.log.read_text()
        assert daemon.get("status")["is_ready"]
    finally:
        other.stop()
    wait_until(lambda: check_of(daemon, "workers") is None, WAIT_SECONDS, what="its end")


def test_without_a_worker_jobs_wait(cluster: Cluster, daemon: DaemonProcess) -> None:
    """The daemon goes on accepting work, says what is missing, and builds it once there is one."""
    (worker,) = [each for each in cluster.workers if each.is_alive()]
    assert worker.stop() == 0
    wait_until(
        lambda: (check_of(daemon, "cluster") or {}).get("reason") == "there is no worker",
        WAIT_SECONDS,
        what="the missing worker",
    )
    assert daemon.get("status")["is_ready"]
    copy_tree(zoo.digits().model, daemon.root / "later")
    daemon.wait_for("later", "queued")
    worker.begin()
    daemon.wait_for("later", "published")
    (job,) = daemon.jobs("later")
    assert job["attempts"] == 1
