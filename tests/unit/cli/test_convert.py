"""``tflited convert``: one model without a daemon."""

import json
import shutil
from pathlib import Path

import pytest

import zoo
from tflited.cli import main


def test_publishes_a_proven_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real converter runs; standard output is the manifest and standard error is empty."""
    model = zoo.digits().model
    code = main(["convert", str(model), "--output", str(tmp_path / "out"), "--json"])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    states = {entry["variant"]: entry["state"] for entry in json.loads(shown.out)["variants"]}
    assert states["float32"] == "proven"
    assert (tmp_path / "out" / model.name / "manifest.json").is_file()


def test_accuracy_is_judged_where_a_folder_asks_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder policy and labelled data beside the model are all that is needed."""
    trained = zoo.digits("keras")
    shutil.copy(trained.model, tmp_path / "digits.keras")
    shutil.copy(trained.evaluation, tmp_path / "labelled.npz")
    policy = 'variants = ["float32"]\n[evaluation]\ndata = "labelled.npz"\nmetric = "top1"\n'
    (tmp_path / ".tflited.toml").write_text(policy)
    output = tmp_path / "out"
    code = main(["convert", str(tmp_path / "digits.keras"), "--output", str(output), "--json"])
    (variant,) = json.loads(capsys.readouterr().out)["variants"]
    (report,) = map(json.loads, (path.read_bytes() for path in output.glob("*/report.json")))
    assert code == 0
    assert (variant["state"], variant["accuracy_drop"]) == ("proven", 0.0)
    assert report["variants"][0]["accuracy"]["samples"] == 397


def test_the_candidates_of_auto_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which one was taken, and of every other why not."""
    trained = zoo.digits("keras")
    shutil.copy(trained.model, tmp_path / "digits.keras")
    (tmp_path / ".tflited.toml").write_text('variants = ["auto"]\n[evaluation]\nmin_snr_db = 30\n')
    output = tmp_path / "out"
    model = str(tmp_path / "digits.keras")
    code = main(["convert", model, "--output", str(output), "--verbose"])
    shown, told = capsys.readouterr()
    assert code == 0
    assert "\n== child 1: convert, " in told  # what its processes said, as --verbose asks
    assert "\n== child 2: prove, " in told
    assert "auto (dynamic_range)" in shown
    assert "Budget: every output keeps at least 30 dB." in shown
    assert "Integer quantisation needs calibration data" in shown
    assert "fidelity was measured on generated inputs" in shown
    (published,) = output.glob("*/auto/*.tflite")
    assert published.name == "digits.tflite"


def test_refuses_what_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path and what would do are named; no set is left."""
    model = tmp_path / "x.txt"
    model.write_text("text")
    code = main(["convert", str(model), "--output", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert code != 0
    assert "x.txt: no model there" in error
    assert not list((tmp_path / "out").glob("*"))
