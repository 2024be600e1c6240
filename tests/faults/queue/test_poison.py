"""A model that kills whoever opens it is left alone after three deaths; others do not notice."""

from pathlib import Path

from daemon_process import MAIN_FILE, DaemonProcess
from faults.kill.loop import PACE
from faults.kill.nursery import Nursery
from model_trees import saved_model
from waiting import wait_until

GOOD = ("a", "b", "c", "z")
DEAD_SECONDS = 60


def test_a_poisonous_model_ends_dead_and_harms_no_other(tmp_path: Path, nursery: Nursery) -> None:
    """Its job is dead after its third death and stays so; the daemon never ends."""
    daemon = DaemonProcess(tmp_path, nursery.run)
    daemon.main_file.write_text(PACE + MAIN_FILE)
    for name in ("poison", *GOOD):
        saved_model(daemon.root / name)
    daemon.start()
    pid = daemon.pid
    wait_until(
        lambda: [job["state"] for job in daemon.jobs("poison")] == ["dead"],
        DEAD_SECONDS,
        what="a dead job",
    )
    (job,) = daemon.jobs("poison")
    assert job["attempts"] == 3
    for name in GOOD:
        daemon.wait_for(name, "published")
        assert [job["attempts"] for job in daemon.jobs(name)] == [1]
    saved_model(daemon.root / "later")
    daemon.wait_for("later", "published")
    assert [job["state"] for job in daemon.jobs("poison")] == ["dead"]
    assert daemon.pid == pid
    daemon.stop()
