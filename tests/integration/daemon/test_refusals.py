"""What cannot be built is refused with its path and cause, and harms nothing beside it."""

import json
from typing import Any

import pytest

import zoo
from daemon_process import DaemonProcess
from tflited.cli import main
from tflited.triggers.spool import drop
from tree_copy import copy_tree
from waiting import wait_until

REFUSED_SECONDS = 30


def refused(daemon: DaemonProcess, path: str, phase: str = "refused") -> dict[str, Any]:
    """The daemon's answer once it has refused."""
    daemon.wait_for(path, phase, deadline_seconds=REFUSED_SECONDS)
    answer = daemon.why(path)
    assert not daemon.jobs(path)
    assert not (daemon.output / "models" / path).exists()
    return answer


def test_a_truncated_model_is_refused_beside_a_good_one(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing bytes are named; the neighbour is published."""
    for name in ("torn", "whole"):
        copy_tree(zoo.digits().model, daemon.root / "pair" / name)
    shard = next((daemon.root / "pair/torn").rglob("variables.data-*"))
    shard.write_bytes(shard.read_bytes()[:100])

    refused(daemon, "pair/torn")

    asked = ["why", str(daemon.root / "pair/torn"), "--config", str(daemon.main_file), "--json"]
    assert main(asked) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["path"] == str(daemon.root / "pair/torn")
    assert shard.name in answer["summary"]
    assert "100" in answer["summary"]
    daemon.wait_for("pair/whole", "published")


def test_a_text_file_named_keras_is_refused(daemon: DaemonProcess) -> None:
    """The name alone makes no model."""
    (daemon.root / "x.keras").write_text("not a model\n")

    answer = refused(daemon, "x.keras")

    assert "x.keras" in answer["summary"]
    assert "zip" in answer["summary"].lower()


def test_an_empty_directory_is_refused(daemon: DaemonProcess) -> None:
    """Once it has settled, it is told as a model that lacks everything; no job is made."""
    (daemon.root / "empty").mkdir()

    answer = refused(daemon, "empty", "refused")

    assert str(daemon.root / "empty") in answer["summary"]
    assert "empty directory" in answer["summary"]
    assert daemon.why("nowhere")["subject"] == "not there"
    assert not daemon.jobs("empty")


def test_an_unknown_policy_key_is_refused(daemon: DaemonProcess) -> None:
    """The file and the key are named."""
    copy_tree(zoo.digits().model, daemon.root / "strict" / "digits")
    (daemon.root / "strict" / ".tflited.toml").write_text('varients = ["float32"]\n')

    answer = refused(daemon, "strict/digits", "policy_error")

    assert "strict/.tflited.toml" in answer["summary"]
    assert "varients" in answer["summary"]


def test_a_trigger_out_of_the_root_is_refused(daemon: DaemonProcess) -> None:
    """Its receipt in ``rejected/`` names the path and the cause."""
    document = {"version": 1, "model": {"path": "../.."}}
    drop(daemon.state / "spool", "out.json", json.dumps(document).encode())
    receipt = daemon.state / "spool/rejected/out.json.receipt.json"

    wait_until(receipt.exists, REFUSED_SECONDS, what="the receipt")

    told = json.loads(receipt.read_text())
    assert told["is_accepted"] is False
    assert "../.." in told["reason"]
