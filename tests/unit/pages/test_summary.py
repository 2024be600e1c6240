"""One line on each variant: sizes, the front, and what is said where there is no figure."""

from dataclasses import replace

from fakes.documents import BASELINE_BYTES, a_document, published
from fakes.samples import a_variant
from tflited.domain.policy import Variant
from tflited.domain.report import VariantState
from tflited.pages.summary import COLUMNS, CONTENT_COLUMNS, max_drop, min_snr_db, summaries


def on_front(*variants: tuple[Variant, float, float | None]) -> list[str]:
    """The names of the variants that no other one beats."""
    document = a_document(*(published(*entry) for entry in variants))
    return [line.name for line in summaries(document) if line.is_on_front]


def test_a_refused_variant_has_its_size() -> None:
    """It is not published, and its ratio to a published one tells it."""
    lines = {line.name: line for line in summaries(a_document())}
    assert lines["weight_only_int4"].size_bytes == round(0.2 * BASELINE_BYTES)


def test_without_any_file_there_is_no_size() -> None:
    """Nothing is made up."""
    (line,) = summaries(a_document(a_variant(state=VariantState.REJECTED)))
    assert line.size_bytes is None
    assert line.cells[2] == "\u2013"


def test_the_front_is_what_no_other_beats() -> None:
    """Larger and farther is off it; equal ones share it; exact is closest of all."""
    assert on_front(
        (Variant.FLOAT32, 1.0, None),
        (Variant.FLOAT16, 0.5, 70.0),
        (Variant.INT8, 0.3, 40.0),
        (Variant.INT8_FLOAT_FALLBACK, 0.3, 40.0),
        (Variant.INT16X8, 0.4, 35.0),
    ) == ["float32", "float16", "int8", "int8_float_fallback"]


def test_what_is_not_published_is_on_no_front() -> None:
    """And it beats nobody."""
    refused = published(Variant.INT8, 0.1, 90.0, state=VariantState.REJECTED)
    lines = summaries(a_document(published(Variant.FLOAT16, 0.5, 70.0), refused))
    assert [line.is_on_front for line in lines] == [True, False]


def test_the_worst_output_counts() -> None:
    """One bad output is not hidden by an exact one."""
    entry = published(Variant.INT8, 0.3, 12.0)
    (fidelity,) = entry.fidelity
    entry = replace(entry, fidelity=(replace(fidelity, snr_db=None), fidelity))
    (line,) = summaries(a_document(entry))
    assert (line.snr_db, line.snr) == (12.0, "12.0 dB")


def test_what_was_not_compared_is_not_called_exact() -> None:
    """No ratio means exact only where there was a comparison."""
    (line,) = summaries(a_document(replace(a_variant(), fidelity=())))
    assert line.snr == "\u2013"


def test_the_drop_has_its_interval() -> None:
    """A point without one would be believed."""
    (line,) = summaries(a_document(published(Variant.INT8, 0.3, 12.0)))
    assert line.drop == "top1 0.0075 (0.001 to 0.0095)"


def test_cells_fit_their_columns() -> None:
    """Neither table shifts a figure under another's name."""
    for line in summaries(a_document()):
        assert len(line.cells) == len(COLUMNS)
        assert len(line.content_cells) == len(CONTENT_COLUMNS)


def test_budgets_come_from_the_policy() -> None:
    """A report of a policy that sets none, or holds something else there, has none."""
    assert (min_snr_db(a_document()), max_drop(a_document())) == (20.0, 0.01)
    for policy in ({}, {"evaluation": 3}, {"evaluation": {"min_snr_db": "x", "max_drop": True}}):
        document = a_document(policy=policy)
        assert (min_snr_db(document), max_drop(document)) == (None, None)
