"""The manifest and the report: their content, their bytes and their schemas."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key, a_report, a_variant
from tflited.domain.choice import AutoReport, AutoRow, BudgetKind, RowState
from tflited.domain.figures import OutputFidelity, VariantPruning
from tflited.domain.manifest import Manifest
from tflited.domain.policy import Calibration, Evaluation, Policy, SparseEncoding, Target, Variant
from tflited.domain.profile import Latency, Work
from tflited.domain.report import BuildReport, VariantState
from tflited.domain.sandbox import SandboxLevel
from tflited.domain.verdict import decide
from tflited.errors import OutputError
from tflited.output import records, schema
from tflited.output.tree import OutputTree

SCHEMAS = Path(__file__).parents[3] / "config" / "schema"
POLICY = Policy(
    variants=(Variant.FLOAT32, Variant.INT8),
    input_shape={"x": (1, 224, 224, 3)},
    calibration=Calibration(data="/data/*.npz"),
    evaluation=Evaluation(data="/eval/*.npz"),
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A published set with a proven and a rejected variant."""
    variants = {Variant.FLOAT32: VariantState.PROVEN, Variant.INT8: VariantState.REJECTED}
    report = a_left_set(tmp_path / "scratch", variants=variants)
    tree = OutputTree(tmp_path / "output", reserve_bytes=0)
    return tree.publish(a_job(), POLICY, a_publish_key(), report, tmp_path / "scratch").directory


def read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def a_manifest(**changes: Any) -> Manifest:
    report = a_report()
    manifest = records.manifest_of(
        a_job(), Policy(), a_publish_key(), report, decide(report, Policy()), ()
    )
    return replace(manifest, **changes)


@pytest.mark.parametrize("name", ["manifest", "report"])
def test_a_record_fits_its_schema(directory: Path, name: str) -> None:
    """What readers validate against is what is written."""
    validator = jsonschema.Draft202012Validator(read(SCHEMAS / f"{name}.schema.json"))
    validator.check_schema(read(SCHEMAS / f"{name}.schema.json"))
    document = read(directory / f"{name}.json")
    validator.validate(document)
    assert list(validator.iter_errors(document | {"surplus": 1}))
    assert list(validator.iter_errors({**document, "version": "one"}))


@pytest.mark.parametrize("name", sorted(schema.schemas()))
def test_the_committed_schemas_are_current(name: str) -> None:
    """``python -m tflited.output.schema config/schema`` renews them."""
    assert (SCHEMAS / name).read_text(encoding="utf-8") == schema.schemas()[name]


def test_the_schemas_are_written_where_asked(tmp_path: Path) -> None:
    """The command leaves exactly the files that are committed."""
    assert schema.main([str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(schema.schemas())


def test_the_report_says_what_decided_the_bytes(directory: Path) -> None:
    """Model, policy and build key stand beside what was found out."""
    report = read(directory / "report.json")
    assert (report["root"], report["path"]) == (MODEL.root, MODEL.path)
    assert report["build_key"] == a_publish_key().build_key
    assert report["policy"]["input_shape"] == {"x": [1, 224, 224, 3]}
    assert "hooks" not in report["policy"]
    assert report["variants"][0]["fidelity"][0]["snr_db"] == 42.5
    assert records.REPORT.validate_json((directory / "report.json").read_bytes()).source.loader


def test_equal_keys_give_equal_reports() -> None:
    """Neither time nor job number nor the order of a mapping changes a byte."""
    report = a_report(a_variant(operators={"ADD": 1, "MUL": 2}))
    slow = a_report(a_variant(seconds=99.0, operators={"MUL": 2, "ADD": 1}))
    slow = replace(slow, stage_seconds={"load": 99.0})
    first, second = (
        records.report_of(a_job(number), POLICY, a_publish_key(), given, decide(given, POLICY))
        for number, given in ((1, report), (2, slow))
    )
    assert first == second


def test_the_manifest_keeps_the_times_of_this_build(directory: Path) -> None:
    """What the report leaves out for equality's sake is here."""
    manifest = read(directory / "manifest.json")
    assert manifest["stage_seconds"] == {"load": 0.5}
    assert manifest["variants"][0]["seconds"] == 1.25


def test_the_manifest_lists_every_other_file(directory: Path) -> None:
    """With size and digest, sorted, so that a reader can check the set."""
    manifest = records.read_manifest(directory)
    assert manifest is not None
    present = sorted(
        str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()
    )
    assert [file.path for file in manifest.files] == [
        name for name in present if name != "manifest.json"
    ]
    for file in manifest.files:
        content = (directory / file.path).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), records.sha256(content))


def test_the_manifest_sums_up_a_variant(directory: Path) -> None:
    """Where the flatbuffer is, how large, how close; nothing of it for a rejected one."""
    manifest = records.read_manifest(directory)
    assert manifest is not None
    kept, rejected = manifest.variants
    assert (kept.tflite, kept.size_bytes) == ("float32/mobilenet.tflite", 64)
    assert (kept.size_ratio, kept.min_snr_db, kept.accuracy_drop) == (0.5, 42.5, 0.0075)
    assert (rejected.tflite, rejected.size_bytes) == ("", 0)


@pytest.mark.parametrize(
    ("ratios", "expected"), [((30.0, 12.5), 12.5), ((None, 9.0), 9.0), ((None,), None)]
)
def test_the_worst_output_speaks_for_the_variant(
    ratios: tuple[float | None, ...], expected: float | None
) -> None:
    """An exact match has no ratio and lowers none."""
    (sample,) = a_variant().fidelity
    assert isinstance(sample, OutputFidelity)
    report = a_report(a_variant(fidelity=tuple(replace(sample, snr_db=ratio) for ratio in ratios)))
    manifest = records.manifest_of(
        a_job(), Policy(), a_publish_key(), report, decide(report, Policy()), ()
    )
    assert manifest.variants[0].min_snr_db == expected


def test_without_a_metric_there_is_no_drop() -> None:
    """Nothing measured is not a drop of zero."""
    report = a_report(a_variant(accuracy=None))
    manifest = records.manifest_of(
        a_job(), Policy(), a_publish_key(), report, decide(report, Policy()), ()
    )
    assert manifest.variants[0].accuracy_drop is None


def test_a_pruned_variant_shows_its_zeros_and_its_compressed_size() -> None:
    """The size of the file itself hardly tells that it was pruned."""
    pruning = VariantPruning(
        weights=2,
        elements=1000,
        zeros=800,
        sparsity=0.8,
        encoding=SparseEncoding.DENSE,
        size_bytes=5000,
        compressed_bytes=1500,
    )
    report = a_report(a_variant(pruning=pruning), a_variant(Variant.INT8))
    manifest = records.manifest_of(
        a_job(), Policy(), a_publish_key(), report, decide(report, Policy()), ()
    )
    rows = [(entry.sparsity, entry.compressed_bytes) for entry in manifest.variants]
    assert rows == [(0.8, 1500), (None, None)]


@pytest.mark.parametrize("figure", [math.nan, math.inf])
def test_a_figure_that_is_no_number_is_not_published(figure: float) -> None:
    """Readers in other languages cannot read NaN; the build fails instead."""
    manifest = a_manifest(stage_seconds={"load": figure})
    with pytest.raises(OutputError, match="manifest of models/vision/mobilenet"):
        records.manifest_bytes(manifest, a_job())


def test_a_manifest_comes_back_whole(tmp_path: Path) -> None:
    """Every field survives the file, unusual names too."""
    manifest = a_manifest(path="日本/モデル", save_to="elsewhere")
    (tmp_path / "manifest.json").write_bytes(records.manifest_bytes(manifest, a_job()))
    assert records.read_manifest(tmp_path) == manifest


def spoiled(document: dict[str, Any], changes: Mapping[str, Any]) -> bytes:
    return json.dumps({**document, **changes}).encode()


@pytest.mark.parametrize(
    "changes", [{"version": 2}, {"surplus": 1}, {"job": "one"}, {"kind": "onnx"}, {"files": None}]
)
def test_a_manifest_of_another_form_is_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Another version and anything unknown are not guessed at."""
    document = json.loads(records.manifest_bytes(a_manifest(), a_job()))
    (tmp_path / "manifest.json").write_bytes(spoiled(document, {}))
    assert records.read_manifest(tmp_path) is not None
    (tmp_path / "manifest.json").write_bytes(spoiled(document, changes))
    assert records.read_manifest(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_a_torn_manifest_is_none(tmp_path: Path, content: bytes) -> None:
    """Damage is no error of the reader's."""
    (tmp_path / "manifest.json").write_bytes(content)
    assert records.read_manifest(tmp_path) is None


def test_what_is_no_plain_file_is_no_manifest(tmp_path: Path) -> None:
    """Links, pipes and giants are passed over without waiting."""
    path = tmp_path / "manifest.json"
    (tmp_path / "real.json").write_bytes(records.manifest_bytes(a_manifest(), a_job()))
    path.symlink_to("real.json")
    assert records.read_manifest(tmp_path) is None
    path.unlink()
    os.mkfifo(path)
    assert records.read_manifest(tmp_path) is None
    path.unlink()
    path.mkdir()
    assert records.read_manifest(tmp_path) is None
    path.rmdir()
    path.touch()
    os.truncate(path, records.LARGEST_RECORD_BYTES + 1)
    assert records.read_manifest(tmp_path) is None


def test_both_records_of_a_set_are_read_back(directory: Path) -> None:
    """As they were written, by one look at the folder."""
    document, manifest = records.read_report(directory)
    assert document.build_key == a_publish_key().build_key
    assert manifest == records.read_manifest(directory)


def test_a_folder_without_a_report_is_named(tmp_path: Path) -> None:
    """With the place that was looked at."""
    with pytest.raises(OutputError, match=r"report\.json cannot be read: No such file"):
        records.read_report(tmp_path)


def test_a_report_of_before_the_operators_is_read(directory: Path) -> None:
    """Sets outlive versions: what is new in a report is optional."""
    document = read(directory / "report.json")
    for entry in document["variants"]:
        del entry["layers"], entry["layers_note"]
    (directory / "report.json").write_text(json.dumps(document))
    found, _ = records.read_report(directory)
    assert [entry.layers for entry in found.variants] == [(), ()]


def an_auto_report(latency_ms: float = 1.5) -> BuildReport:
    """A build of ``auto`` with its times."""
    row = AutoRow(
        variant=Variant.INT8,
        state=RowState.CHOSEN,
        reason="the smallest",
        size_bytes=7,
        latency_ms=latency_ms,
    )
    auto = AutoReport(
        target=Target.CPU,
        decided_by=BudgetKind.FIDELITY,
        budget="20 dB",
        chosen=Variant.INT8,
        rows=(row,),
    )
    latency = Latency(runs=3, threads=2, median_ms=latency_ms, p90_ms=2 * latency_ms)
    entry = a_variant(
        Variant.AUTO, chosen=Variant.INT8, work=Work(macs=9, activation_bytes=8), latency=latency
    )
    return replace(a_report(entry), auto=auto)


def test_what_auto_chose_is_in_both_records() -> None:
    """A reader of the manifest knows which variant it holds; the report has the table."""
    report = an_auto_report()
    verdict = decide(report, POLICY)
    (line,) = records.manifest_of(a_job(), Policy(), a_publish_key(), report, verdict, ()).variants
    assert (line.variant, line.chosen) == ("auto", "int8")
    content = records.report_of(a_job(), POLICY, a_publish_key(), report, verdict)
    document = json.loads(content)
    assert document["auto"]["rows"][0]["variant"] == "int8"
    assert document["variants"][0]["work"]["macs"] == 9
    schema_of_report = read(SCHEMAS / "report.schema.json")
    jsonschema.Draft202012Validator(schema_of_report).validate(document)


def test_times_are_in_the_manifest_alone() -> None:
    """Equal build keys give equal reports, however long a host takes."""
    manifests, reports = [], []
    for milliseconds in (1.5, 400.0):
        report = an_auto_report(milliseconds)
        verdict = decide(report, POLICY)
        manifests.append(
            records.manifest_of(a_job(), Policy(), a_publish_key(), report, verdict, ())
        )
        reports.append(records.report_of(a_job(), POLICY, a_publish_key(), report, verdict))
    assert reports[0] == reports[1]
    assert manifests[1].auto_latency_ms == {"int8": 400.0}
    line = manifests[1].variants[0]
    assert (line.latency_ms, line.latency_p90_ms) == (400.0, 800.0)
    assert (line.latency_runs, line.latency_threads, line.latency_reason) == (3, 2, "")


def test_the_manifest_tells_what_held_and_the_report_does_not(tmp_path: Path) -> None:
    """The sandbox is no part of the build key: equal keys give equal reports."""
    report = replace(a_report(), sandbox=SandboxLevel.OFF)
    verdict = decide(report, POLICY)
    parts = (a_job(), POLICY, a_publish_key())
    assert records.manifest_of(*parts, report, verdict, ()).sandbox is SandboxLevel.OFF
    plain = records.report_of(*parts, replace(report, sandbox=None), verdict)
    assert records.report_of(*parts, report, verdict) == plain
