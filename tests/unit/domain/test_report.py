"""A build's report and a set's manifest."""

from fakes.samples import MODEL, a_job, a_publish_key, a_report, a_variant
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import VariantState
from tflited.domain.verdict import decide
from tflited.output.records import manifest_of


def test_what_is_not_rejected_is_published() -> None:
    """Unverified variants are published and labelled."""
    report = a_report(
        a_variant(Variant.FLOAT32, VariantState.PROVEN),
        a_variant(Variant.INT8, VariantState.REJECTED),
        a_variant(Variant.FLOAT16, VariantState.UNVERIFIED),
    )
    assert [entry.variant for entry in report.published] == [Variant.FLOAT32, Variant.FLOAT16]


def test_a_manifest_names_its_model() -> None:
    """As the reconciler asks for it."""
    report = a_report()
    manifest = manifest_of(a_job(), Policy(), a_publish_key(), report, decide(report, Policy()), ())
    assert manifest.model == MODEL
