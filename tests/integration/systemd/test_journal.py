"""The daemon under systemd's own journald: what a person asks of the journal by job."""

import shutil
from pathlib import Path

import real_journal
import zoo
from namespaced import play
from programs import requires_program

pytestmark = [
    requires_program("journalctl", "apt-get install systemd"),
    requires_program("unshare", "apt-get install util-linux"),
]


def test_the_journal_is_asked_by_job(tmp_path: Path) -> None:
    """``journalctl TFLITED_JOB_ID=1`` is a job's story, with fields and priorities.

    The stream, whose lines have no fields, has none: neither of the daemon nor of TensorFlow.
    """
    shutil.copyfile(zoo.small("lstm.keras"), tmp_path / "model.keras")
    seen = play("journal", tmp_path, real_journal)

    job = {entry["TFLITED_EVENT"]: entry for entry in seen["job"]}
    assert list(job) == ["job_accepted", "attempt_started", "set_published"]
    assert job["attempt_started"]["TFLITED_MODEL"] == "models/model.keras"
    assert job["attempt_started"]["PRIORITY"] == "6"
    assert job["attempt_started"]["SYSLOG_IDENTIFIER"] == "tflited"
    assert job["set_published"]["MESSAGE"].startswith("set_published job_id=1 ")
    assert [entry["MESSAGE"] for entry in seen["stream"]] == []
