"""Triggers to the real program: before the model is ready, and with a policy of their own."""

import json
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

import zoo
from daemon_process import BUILD_SECONDS, DaemonProcess
from tflited.cli import main
from tflited.triggers.spool import drop
from tree_copy import copy_files, copy_tree
from waiting import wait_until

BETWEEN_FILES_SECONDS = 1.0


@pytest.fixture(scope="module")
def own_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A started daemon that may be started again; its policy ``small`` asks for float16 alone."""
    daemon = DaemonProcess(tmp_path_factory.mktemp("own"))
    with daemon.main_file.open("a") as stream:
        stream.write('\n[policy.small]\nvariants = ["float16"]\n')
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
def trigger(capsys: pytest.CaptureFixture[str]) -> Any:
    """Sends a trigger with the command; gives the receipt."""

    def send(daemon: DaemonProcess, path: str, *options: str) -> dict[str, Any]:
        asked = ["trigger", str(daemon.root / path), *options]
        code = main([*asked, "--config", str(daemon.main_file), "--json"])
        shown = capsys.readouterr()
        assert code == 0, shown.err
        receipt: dict[str, Any] = json.loads(shown.out)
        return receipt

    return send


def ended(daemon: DaemonProcess, job_id: int) -> dict[str, Any]:
    """A job once it has ended."""
    active = {"queued", "running"}
    what = f"the end of job {job_id}"
    wait_until(
        lambda: daemon.get(f"jobs/{job_id}")["state"] not in active, BUILD_SECONDS, what=what
    )
    job: dict[str, Any] = daemon.get(f"jobs/{job_id}")
    return job


def variants(daemon: DaemonProcess, path: str) -> list[str]:
    """What the mirrored set holds."""
    text = (daemon.output / "models" / path / "manifest.json").read_text()
    return [entry["variant"] for entry in json.loads(text)["variants"]]


def test_a_script_may_copy_and_trigger_at_once(daemon: DaemonProcess, trigger: Any) -> None:
    """The trigger's job is the only one, and it is the one that publishes."""
    copy_tree(zoo.digits().model, daemon.root / "scripted")
    receipt = trigger(daemon, "scripted")
    assert receipt["waits_for"]

    assert ended(daemon, receipt["job_id"])["state"] == "published"

    daemon.wait_for("scripted", "published")
    (job,) = daemon.jobs("scripted")
    assert (job["id"], job["trigger"], job["attempts"]) == (receipt["job_id"], "cli", 1)


def test_a_trigger_during_a_slow_copy_builds_the_whole(daemon: DaemonProcess, trigger: Any) -> None:
    """It comes with the first file and is built once, after the last."""
    receipt: dict[str, Any] = {}
    for _ in copy_files(zoo.digits().model, daemon.root / "paused"):
        receipt = receipt or trigger(daemon, "paused")
        Event().wait(BETWEEN_FILES_SECONDS)

    assert ended(daemon, receipt["job_id"])["state"] == "published"
    daemon.wait_for("paused", "published")
    assert [job["id"] for job in daemon.jobs("paused")] == [receipt["job_id"]]


def test_a_model_that_turns_out_torn_fails_its_trigger(daemon: DaemonProcess, trigger: Any) -> None:
    """The job carries admission's reason."""
    (daemon.root / "torn.keras").write_text("not a model\n")
    receipt = trigger(daemon, "torn.keras")

    job = ended(daemon, receipt["job_id"])

    assert (job["state"], job["failure"]["code"]) == ("failed", "refused")
    assert "zip" in job["failure"]["message"].lower()


def test_a_trigger_outlives_the_daemon_while_it_waits(
    own_daemon: DaemonProcess, trigger: Any
) -> None:
    """Killed while the model is held; the same job is built when the flag is taken away.

    A document that lay in the spool meanwhile is taken before the first scan, and refused for
    nothing.
    """
    copy_tree(zoo.digits().model, own_daemon.root / "held" / "digits")
    hold = own_daemon.root / "held" / ".hold"
    hold.touch()
    own_daemon.wait_for("held/digits", "held")
    receipt = trigger(own_daemon, "held/digits")
    assert "held" in receipt["waits_for"]
    own_daemon.kill()
    document = {"version": 1, "id": "spooled", "model": {"path": "held/digits"}, "save_to": "x/y"}
    drop(own_daemon.state / "spool", "a.json", json.dumps(document).encode())
    own_daemon.start()
    own_daemon.wait_for("held/digits", "held")
    wait_until((own_daemon.state / "spool/done/a.json").exists, BUILD_SECONDS, what="the document")
    assert "held" in own_daemon.get(f"jobs/{receipt['job_id']}")["waits_for"]

    hold.unlink()

    job = ended(own_daemon, receipt["job_id"])
    assert (job["state"], job["attempts"]) == ("published", 1)
    spooled = json.loads((own_daemon.state / "spool/done/a.json.receipt.json").read_text())
    assert ended(own_daemon, spooled["job_id"])["state"] == "published"
    assert (own_daemon.output / "x/y/manifest.json").exists()
    assert len(own_daemon.jobs("held/digits")) == 2


def test_a_policy_of_its_own_stays_until_the_folder_asks_for_something_else(
    own_daemon: DaemonProcess, trigger: Any
) -> None:
    """Neither a scan nor a restart undoes it; an edit of the folder's policy does."""
    copy_tree(zoo.digits().model, own_daemon.root / "edited/digits")
    own_daemon.wait_for("edited/digits", "published")
    receipt = trigger(own_daemon, "edited/digits", "--policy", "small")
    assert ended(own_daemon, receipt["job_id"])["state"] == "published"
    assert variants(own_daemon, "edited/digits") == ["float16"]

    own_daemon.stop()
    own_daemon.start()
    own_daemon.wait_for("edited/digits", "published")
    own_daemon.post("reload")  # decides anew on every model

    assert "under a trigger's own policy" in own_daemon.why("edited/digits")["summary"]
    assert len(own_daemon.jobs("edited/digits")) == 2
    (own_daemon.root / "edited/.tflited.toml").write_text('variants = ["float32"]\n')
    wait_until(
        lambda: variants(own_daemon, "edited/digits") == ["float32"],
        BUILD_SECONDS,
        what="the folder's policy",
    )
