"""``tflited report``: the figures of a published set, with a daemon and without one."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.samples import a_job, a_left_set, a_publish_key
from tflited.domain.model import ModelId
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import BuildReport, VariantState
from tflited.domain.sandbox import SandboxLevel
from tflited.output.tree import OutputTree

Run = Callable[..., tuple[int, str, str]]
Publish = Callable[..., Path]
VARIANTS = {Variant.FLOAT32: VariantState.PROVEN, Variant.INT8: VariantState.REJECTED}


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in a folder of their own."""
    place = folder / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def publish(folder: Path) -> Publish:
    """Publishes a set as the daemon does; a change of the report is applied before."""

    def published(
        path: str = "vision/net",
        *,
        save_to: str | None = None,
        change: Callable[[BuildReport], BuildReport] = lambda report: report,
    ) -> Path:
        scratch = folder / f"scratch-{len(list(folder.iterdir()))}"
        report = change(a_left_set(scratch, variants=VARIANTS))
        job = a_job(model=ModelId(root="models", path=path), save_to=save_to)
        tree = OutputTree(folder / "output", reserve_bytes=0)
        return tree.publish(job, Policy(), a_publish_key(), report, scratch).directory

    return published


def test_a_model_by_its_path(publish: Publish, run: Run, here: Path) -> None:
    """The table, the reason of what was refused, and a page beside the reader."""
    publish()
    code, out, _ = run("report", "models/vision/net")
    assert code == 0
    assert "float32  proven" in out
    assert "snr 3 dB, least 20 dB" in out
    assert "FULLY_CONNECTED 1" in out
    assert f"page: {here}/net.report.html" in out
    assert (here / "net.report.html").read_text().startswith("<!doctype html>")


@pytest.mark.usefixtures("daemon")
def test_with_a_daemon_it_is_the_same(publish: Publish, run: Run) -> None:
    """The output tree tells everything; nobody is asked."""
    publish()
    code, out, _ = run("report", "vision/net", "--no-html")
    assert code == 0
    assert "models/vision/net" in out


@pytest.mark.parametrize("name", ["", "report.json", "manifest.json"])
def test_a_set_by_its_place(publish: Publish, run: Run, name: str) -> None:
    """The folder in the output tree, or a record in it, also of a copy elsewhere."""
    folder = publish()
    moved = folder.parent.parent.parent / "copy"
    folder.rename(moved)
    code, out, _ = run("report", str(moved / name), "--no-html")
    assert (code, "float32  proven" in out) == (0, True)


def test_an_absolute_path_and_a_file_of_the_model(publish: Publish, run: Run, folder: Path) -> None:
    """As ``why`` takes them."""
    publish()
    inside = folder / "models" / "vision" / "net" / "variables"
    inside.mkdir(parents=True)
    for path in (inside.parent, inside):
        assert run("report", str(path), "--no-html")[0] == 0


def test_the_records_as_json(publish: Publish, run: Run, here: Path) -> None:
    """For programs, and without a page that nobody asked for."""
    folder = publish()
    code, out, _ = run("report", "vision/net", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["manifest"] == json.loads((folder / "manifest.json").read_text())
    assert document["report"]["variants"][1]["reason"] == "snr 3 dB, least 20 dB"
    assert not list(here.iterdir())


def test_the_page_where_it_is_asked(publish: Publish, run: Run, folder: Path, here: Path) -> None:
    """An older page is replaced."""
    publish()
    target = folder / "page.html"
    target.write_text("old")
    assert run("report", "vision/net", "--html", str(target))[0] == 0
    assert "vision/net" in target.read_text()
    assert not list(here.iterdir())


def test_the_output_tree_takes_no_page(publish: Publish, run: Run, folder: Path) -> None:
    """It holds sets only; a link does not lead around that."""
    place = publish()
    (folder / "link").symlink_to(place)
    for target in (place / "page.html", folder / "link" / "page.html"):
        code, _, err = run("report", "vision/net", "--html", str(target))
        assert (code, "holds published sets only" in err) == (2, True)
        assert not target.exists()


def test_a_page_that_cannot_be_written(publish: Publish, run: Run) -> None:
    """The place and the cause are told; the table is there already."""
    publish()
    code, out, err = run("report", "vision/net", "--html", "nowhere/page.html")
    assert code == 1
    assert "float32" in out
    assert "nowhere/page.html cannot be written: No such file or directory" in err


def test_a_set_that_a_trigger_saved_elsewhere(publish: Publish, run: Run) -> None:
    """It is found by its model; of two, one must be named."""
    publish(save_to="special/one")
    code, out, _ = run("report", "vision/net", "--no-html")
    assert (code, "output/special/one" in out) == (0, True)
    publish(save_to="special/two")
    code, _, err = run("report", "vision/net", "--no-html")
    assert (code, "has 2 sets" in err) == (2, True)
    assert run("report", "output/special/two", "--no-html")[0] == 1
    publish()
    assert run("report", "vision/net", "--no-html")[0] == 0


@pytest.mark.parametrize("path", ["vision/other", "../x", "/", "models", "a\0b", "x" * 5000])
def test_no_set(publish: Publish, run: Run, path: str) -> None:
    """The next step is ``why``, which knows the reason."""
    publish()
    code, _, err = run("report", path, "--no-html")
    assert code == 1
    assert "No set of" in err
    assert "tflited why" in err


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "is no report of version 1"), ('{"version": 2}', "is no report of version 1")],
)
def test_a_damaged_report(publish: Publish, run: Run, content: str, told: str) -> None:
    """It is named, with what to do."""
    place = publish()
    (place / "report.json").write_text(content)
    code, _, err = run("report", "vision/net")
    assert code == 1
    assert str(place / "report.json") in err
    assert told in err


def test_a_newer_report(publish: Publish, run: Run) -> None:
    """Its version is told, observed against known."""
    place = publish()
    document = json.loads((place / "report.json").read_text())
    (place / "report.json").write_text(json.dumps(document | {"version": 9}))
    code, _, err = run("report", "vision/net")
    assert (code, "is of version 9; this tflited reads 1" in err) == (1, True)


def test_a_report_that_is_a_pipe_does_not_block(publish: Publish, run: Run) -> None:
    """Records are plain files."""
    place = publish()
    (place / "report.json").unlink()
    os.mkfifo(place / "report.json")
    assert run("report", str(place))[0] == 1


def test_without_its_manifest_a_report_is_shown(publish: Publish, run: Run) -> None:
    """A copied report.json alone tells all figures."""
    place = publish()
    (place / "manifest.json").unlink()
    _, out, _ = run("report", str(place / "report.json"), "--json")
    assert json.loads(out)["manifest"] is None


def test_hostile_names_reach_neither_terminal_nor_file_system(
    publish: Publish, run: Run, here: Path
) -> None:
    """A model's name becomes a harmless file name; control characters are shown as text."""

    def hostile(report: BuildReport) -> BuildReport:
        first, *others = report.variants
        return replace(report, variants=(replace(first, path="\x1b[2J[bold]"), *others))

    publish("<script>\x1b[2J", change=hostile)
    code, out, _ = run("report", "<script>\x1b[2J")
    assert code == 0
    assert "\x1b" not in out
    assert "[bold]" in out
    assert [path.name for path in here.iterdir()] == ["script_2J.report.html"]


def test_both_options_are_refused(run: Run) -> None:
    """One of them would be ignored in silence."""
    assert run("report", "x", "--html", "a.html", "--no-html")[0] == 2


def test_a_set_made_without_the_sandbox_says_so(publish: Publish, run: Run) -> None:
    """And one that was made in it says nothing."""
    publish("vision/inside", change=lambda report: replace(report, sandbox=SandboxLevel.FULL))
    publish("vision/outside", change=lambda report: replace(report, sandbox=SandboxLevel.OFF))
    assert "sandbox" not in run("report", "models/vision/inside", "--no-html")[1]
    assert "outside the sandbox" in run("report", "models/vision/outside", "--no-html")[1]
